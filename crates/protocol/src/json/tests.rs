//! Objects as clients write them, right and wrong.

use serde::Deserialize;

use super::*;

#[test]
fn what_a_user_wrote_is_in_no_message() {
    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "snake_case", deny_unknown_fields)]
    #[expect(dead_code, reason = "only its errors are looked at")]
    struct Read {
        number: u32,
        choice: Choice,
    }
    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        One,
    }
    for json in [
        r#"{"number": "山と川, expected", "choice": "one"}"#,
        r#"{"number": 1, "choice": "山と川"}"#,
        r#"{"number": 1, "choice": "one", "山と川": 1}"#,
    ] {
        let message = without_texts(&serde_json::from_str::<Read>(json).unwrap_err());
        assert!(
            !message.contains('山') && message.contains("expected"),
            "{message}"
        );
    }
    let named = serde_json::from_str::<Read>(r#"{"nubmer": 1}"#).unwrap_err();
    assert!(without_texts(&named).contains("nubmer"));
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    texts: Vec<String>,
    #[serde(default)]
    number: usize,
    #[serde(default = "yes")]
    cut: bool,
    options: Option<Options>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Options {
    ids: Vec<u32>,
}

fn yes() -> bool {
    true
}

fn wrong(json: &str) -> (Option<&'static str>, String) {
    let error = read::<Request>(json.as_bytes()).unwrap_err();
    assert!(!error.is_syntax, "{json}");
    (error.field, error.to_string())
}

#[test]
fn null_is_the_same_as_an_absent_field() {
    let all =
        read::<Request>(br#"{"texts": ["a"], "number": null, "cut": null, "options": null, "other": null}"#);
    assert_eq!(all, read(br#"{"texts": ["a"]}"#));
    assert!(all.unwrap().cut);
    assert_eq!(
        wrong(r#"{"texts": null}"#),
        (Some("texts"), "missing field `texts`".into())
    );
    let listed = read_list::<Request>(r#"[["a"], null, null, {"ids": [1]}]"#).unwrap();
    assert_eq!(
        (listed.cut, listed.options),
        (true, Some(Options { ids: vec![1] }))
    );
}

#[test]
fn a_wrong_type_names_the_field_its_place_and_what_was_expected() {
    for (json, field, message) in [
        (
            r#"{"texts": ["a", 7]}"#,
            Some("texts"),
            "texts: invalid type: integer `7`, expected a string, at texts[1]",
        ),
        (
            r#"{"texts": [null]}"#,
            Some("texts"),
            "texts: invalid type: null, expected a string, at texts[0]",
        ),
        (
            r#"{"texts": "secret"}"#,
            Some("texts"),
            "texts: invalid type: a text, expected a list",
        ),
        (
            r#"{"texts": [], "number": -1}"#,
            Some("number"),
            "number: invalid value: integer `-1`, expected a whole number from 0",
        ),
        (
            r#"{"texts": [], "options": "secret"}"#,
            Some("options"),
            "options: invalid type: a text, expected an object",
        ),
        (
            r#"{"texts": [], "options": {"ids": {"secret": 1}}}"#,
            Some("options"),
            "options: invalid type: an object, expected a list",
        ),
        (r#"["secret"]"#, None, "invalid type: a list, expected an object"),
    ] {
        assert_eq!(wrong(json), (field, message.to_owned()), "{json}");
    }
    let (_, unknown) = wrong(r#"{"texts": [], "nubmer": 1}"#);
    assert!(unknown.starts_with("unknown field `nubmer`"), "{unknown}");
}

#[test]
fn what_is_not_json_is_told_apart() {
    for json in [
        "",
        " ",
        "{",
        r#"{"texts": ["\x"]}"#,
        r#"{"texts": []} {}"#,
        "{\"texts\": [\"\n\"]}",
    ] {
        assert!(
            read::<Request>(json.as_bytes()).unwrap_err().is_syntax,
            "{json:?}"
        );
    }
    assert!(read::<Request>(b"{\"texts\": [\"\xff\"]}").unwrap_err().is_syntax);
}

#[test]
fn half_a_surrogate_pair_is_u_fffd_and_whole_pairs_stay() {
    for (written, meant) in [
        (r"cut \ud83d", "cut \u{fffd}"),
        (r"\uDE00 cut", "\u{fffd} cut"),
        (r"\ud83d\ude00", "😀"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
        (r"\ud83d\u0041", "\u{fffd}A"),
        (r"\\ud83d", "\\ud83d"),
        (r"\\\ud83d\\", "\\\u{fffd}\\"),
        (r"\ud83d\n", "\u{fffd}\n"),
    ] {
        let read = read::<Request>(format!(r#"{{"texts": ["{written}", "熾火"]}}"#).as_bytes());
        assert_eq!(read.unwrap().texts, [meant, "熾火"], "{written}");
        assert_eq!(read_value::<String>(&format!("\"{written}\"")).unwrap(), meant);
    }
    for broken in [r"\ud83", r"\ud83d\", r"\u", r"\"] {
        let json = format!(r#"{{"texts": ["{broken}"]}}"#);
        assert!(read::<Request>(json.as_bytes()).is_err(), "{broken}");
    }
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let marked = read::<Request>("\u{feff}{\"texts\": [\"a\"]}".as_bytes());
    assert_eq!(marked.unwrap().texts, ["a"]);
    assert_eq!(without_mark("\u{feff}{}"), "{}");
}
