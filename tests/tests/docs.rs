//! The documentation agrees with the code: its tables are generated, and its links lead somewhere.
//!
//! In `docs/*.md` a table stands between `<!-- generated: NAME -->` and `<!-- end generated -->`. The test renders each
//! one from the code and compares; `cargo xtask docs` (which sets `OKIBI_WRITE_DOCS=1`) writes them instead.
//! A new table needs a function in [`TABLES`] and the two marks in a document.

// Helpers fail by panicking, as the tests do.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, fmt::Write as _, fs, path::PathBuf};

use okibi_protocol::stage::Stage;
use okibi_server::docs::fields_table;
use okibi_tests::repository;

/// Set to `1`, it has the tables written instead of compared.
const WRITE: &str = "OKIBI_WRITE_DOCS";

/// Renders a table: Markdown that ends with a line break.
type Render = fn() -> String;

/// Every generated table by its name in the documents.
const TABLES: &[(&str, Render)] = &[
    ("fields of /api/embed", || fields_table("/api/embed")),
    ("fields of /embed", || fields_table("/embed")),
    ("fields of /embedding", || fields_table("/embedding")),
    ("fields of /tokenize", || fields_table("/tokenize")),
    ("fields of /v1/embeddings", || fields_table("/v1/embeddings")),
    ("known models", okibi_models::known_markdown),
    ("limits", okibi_server::docs::limits_table),
    ("methods", okibi_protocol::docs::methods_table),
    ("metrics", okibi_server::docs::metrics_table),
    ("settings", okibi_config::settings::docs::settings_table),
    ("stages", stages),
];

/// A Markdown table with these headings and rows.
fn table<const N: usize>(headings: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut text = String::new();
    let mut line = |cells: &[String]| {
        let line = format!("| {} |\n", cells.join(" | "));
        text.push_str(&line.replace("|  |", "| |"));
    };
    line(&headings.map(str::to_owned));
    line(&[const { "---" }; N].map(str::to_owned));
    for row in rows {
        line(&row);
    }
    text
}

/// A name as code.
fn code(name: &str) -> String {
    format!("`{name}`")
}

fn stages() -> String {
    let rows = Stage::ALL.iter().map(|stage| {
        let does = match stage {
            Stage::Resolve => "finds the files of the model",
            Stage::Download => "downloads missing files; only for models from the hub",
            Stage::Runtime => "opens ONNX Runtime",
            Stage::Tokenizer => "reads the tokenizer, in parallel with `runtime` and `model`",
            Stage::Model => "opens the session",
            Stage::Warmup => "runs the model once",
            Stage::Listen => "takes the port over from the front",
        };
        [code(stage.name()), does.to_owned()]
    });
    table(["stage", "what happens"], rows)
}

/// The same document with its tables as `render` gives them, and their names.
///
/// Errors: a mark without its end, or a name that `render` does not know.
fn rewrite(
    document: &str,
    render: impl Fn(&str) -> Option<String>,
) -> Result<(String, BTreeSet<String>), String> {
    // At the start of a line: elsewhere the mark is only mentioned.
    const BEGIN: &str = "\n<!-- generated: ";
    const END: &str = "<!-- end generated -->";
    let (mut fresh, mut names, mut rest) = (String::new(), BTreeSet::new(), document);
    while let Some((before, block)) = rest.split_once(BEGIN) {
        let (name, block) = block.split_once(" -->\n").ok_or("a mark has no end of line")?;
        let (_, after) = block
            .split_once(END)
            .ok_or_else(|| format!("{name:?} has no end"))?;
        let table = render(name).ok_or_else(|| format!("no table is called {name:?}"))?;
        write!(fresh, "{before}{BEGIN}{name} -->\n{table}{END}").unwrap();
        names.insert(name.to_owned());
        rest = after;
    }
    fresh.push_str(rest);
    Ok((fresh, names))
}

/// Every document of the repository that is not generated whole.
fn documents() -> Vec<PathBuf> {
    let in_folder = |folder: &str| fs::read_dir(repository().join(folder)).unwrap();
    let mut paths: Vec<PathBuf> = in_folder("")
        .chain(in_folder("docs"))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn every_table_is_what_the_code_says() {
    let is_writing = std::env::var_os(WRITE).is_some_and(|value| value == "1");
    let render = |name: &str| {
        let table = TABLES.iter().find(|(known, _)| *known == name);
        table.map(|(_, render)| render())
    };
    let (mut used, mut stale) = (BTreeSet::new(), Vec::new());
    for path in documents() {
        let document = fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
        let (fresh, names) =
            rewrite(&document, render).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        used.extend(names);
        if fresh == document {
            continue;
        }
        if is_writing {
            fs::write(&path, fresh).unwrap();
        } else {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "run `cargo xtask docs`; stale: {stale:?}");
    let known: BTreeSet<String> = TABLES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(used, known, "each table stands in a document");
}

#[test]
fn a_table_is_replaced_and_a_wrong_mark_is_an_error() {
    let render = |name: &str| (name == "a").then(|| "new\n".to_owned());
    let document = "x\n<!-- generated: a -->\nold\n<!-- end generated -->\ny\n";
    let (fresh, names) = rewrite(document, render).unwrap();
    assert_eq!(
        fresh,
        "x\n<!-- generated: a -->\nnew\n<!-- end generated -->\ny\n"
    );
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["a"]);
    assert!(rewrite("\n<!-- generated: b -->\n<!-- end generated -->", render).is_err());
    assert!(rewrite("\n<!-- generated: a -->\nold\n", render).is_err());
}

/// The targets of a document's links, without those in code.
fn links(document: &str) -> Vec<&str> {
    let prose = document
        .split("```")
        .step_by(2)
        .flat_map(|text| text.split('`').step_by(2));
    prose
        .flat_map(|text| text.split("](").skip(1))
        .filter_map(|rest| rest.split(')').next())
        .filter(|target| !target.contains("://"))
        .collect()
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(document: &str) -> BTreeSet<String> {
    let headings = document.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    for path in documents() {
        let document = fs::read_to_string(&path).unwrap();
        for target in links(&document) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let aimed = match file {
                "" => path.clone(),
                file => path.parent().expect("a file is in a folder").join(file),
            };
            let place = path.display();
            assert!(aimed.exists(), "{place}: there is no {target}");
            if !anchor.is_empty() {
                let text = fs::read_to_string(&aimed).unwrap();
                assert!(anchors(&text).contains(anchor), "{place}: there is no {target}");
            }
        }
    }
}
