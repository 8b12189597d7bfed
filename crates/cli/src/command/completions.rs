//! `okibi completions SHELL`.

use std::io::Write;

use clap_complete::Shell;
use okibi_messages::Lang;

use crate::{
    failure::{Exit, Failure},
    language,
};

/// Prints the completion script of a shell.
pub(crate) fn run(shell: Shell, lang: Lang) -> Result<Exit, Failure> {
    // Written to memory first: clap panics where its output is closed.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut language::command(lang), "okibi", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(Exit::Done)
}
