//! Tables of the documentation, written from the code.

use std::fmt::Write;

use crate::{guard::Right, method::AnyMethod};

/// The methods as a table in Markdown, for `docs/wire.md`; ends with a newline.
pub fn methods_table() -> String {
    let mut table = "| method | parameters, by position in this order | right | while the model loads | |\n\
                     | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for method in AnyMethod::ALL {
        let parameters = match method.parameters() {
            [] => "–".to_owned(),
            names => format!("`{}`", names.join("`, `")),
        };
        let right = match method.right() {
            Right::Use => "use",
            Right::Manage => "manage",
        };
        let loading = if method.while_loading() {
            "answered"
        } else {
            "−32001"
        };
        let streamed = if method.streamed() {
            " The result may come in several messages."
        } else {
            ""
        };
        // Writing to a `String` does not fail.
        let _ = writeln!(
            table,
            "| `{}` | {parameters} | {right} | {loading} | {}{streamed} |",
            method.name(),
            method.summary(),
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        jsonrpc::{Message, parse},
        method::EmbedParams,
    };

    const WIRE: &str = include_str!("../../../docs/wire.md");

    #[test]
    fn the_documented_parameters_of_embed_stand_in_their_order_by_position() {
        let section = WIRE
            .split("### embed\n")
            .nth(1)
            .and_then(|rest| rest.split("| result |").next());
        let documented: Vec<_> = section
            .expect("the section on embed")
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .collect();
        assert_eq!(documented, AnyMethod::Embed.parameters());
    }

    #[test]
    fn the_documented_error_for_an_unknown_parameter_is_the_real_one() {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": "embed",
            "params": {"input": "a", "inptu_type": "query"}});
        let Message::Single(Ok(call)) = parse(&request.to_string(), 1) else {
            panic!("{request} is a call")
        };
        let error = call.params.parse::<EmbedParams>().unwrap_err();
        assert!(
            WIRE.contains(&error.message),
            "docs/wire.md lacks {:?}",
            error.message
        );
    }
}
