//! `okibi completions SHELL`.

use std::io::Write;

use clap::Command;
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
    clap_complete::generate(
        shell,
        &mut visible(&language::command(lang)),
        "okibi",
        &mut script,
    );
    std::io::stdout().write_all(&script)?;
    Ok(Exit::Done)
}

/// The command without its hidden ones: the scripts of some shells would offer them.
fn visible(command: &Command) -> Command {
    Command::new("okibi")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .args(command.get_arguments().cloned())
        .subcommands(
            command
                .get_subcommands()
                .filter(|command| !command.is_hide_set())
                .cloned(),
        )
}
