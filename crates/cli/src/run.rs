//! From the command line to the exit code.

use std::{ffi::OsString, io::Write};

use clap::{FromArgMatches, error::ErrorKind};
use okibi_messages::{Lang, Message, usage::see_help};

use crate::{
    args::{Command, CommandLine},
    command::{
        activity, completions, daemon, embed, logs, models, restart, serve, start, status, stop, use_model,
    },
    failure::{Exit, Failure},
    front::Front,
    language,
    runtime::block_on,
    style, usage,
};

/// Runs the program with `args`, its own name first.
pub(crate) fn run(args: Vec<OsString>) -> Exit {
    let lang = language::early(&args);
    let ended = parse(args, lang).and_then(|parsed| match parsed {
        Some(line) => dispatch(line, lang),
        None => Ok(Exit::Done),
    });
    match ended {
        Ok(exit) => exit,
        Err(Failure::OutputClosed) => Exit::Done,
        Err(Failure::Message { exit, message, .. }) => {
            style::error(&message, lang);
            if matches!(*message, Message::Usage(_)) {
                style::note(&see_help("okibi", lang));
            }
            exit
        }
    }
}

/// Reads the command line; `None` where help or version was asked for and shown.
fn parse(args: Vec<OsString>, lang: Lang) -> Result<Option<CommandLine>, Failure> {
    let line = language::command(lang)
        .try_get_matches_from(&args)
        .and_then(|mut matches| CommandLine::from_arg_matches_mut(&mut matches));
    match line {
        Ok(line) => Ok(Some(line)),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            write!(anstream::stdout(), "{}", error.render().ansi())?;
            Ok(None)
        }
        Err(error) => Err(Failure::with_exit(
            Exit::Usage,
            "usage",
            Message::Usage(usage::problem(&error, &args)),
        )),
    }
}

fn dispatch(line: CommandLine, lang: Lang) -> Result<Exit, Failure> {
    let open = || Front::open(&line);
    match &line.command {
        None => block_on(status::run(&open()?, false)),
        Some(Command::Status { json }) => block_on(status::run(&open()?, *json)),
        Some(Command::Activity(args)) => block_on(activity::run(&open()?, args)),
        Some(Command::Start(args)) => {
            let ended = open().and_then(|front| block_on(start::run(&front, args.json)));
            start::report(ended, args.json, lang)
        }
        Some(Command::Restart(args)) => {
            let ended = open().and_then(|front| block_on(restart::run(front, args.json)));
            start::report(ended, args.json, lang)
        }
        Some(Command::Stop) => block_on(stop::run(&open()?)),
        Some(Command::Models(args)) => models::run(&open()?, args),
        Some(Command::Use(args)) => block_on(use_model::run(&open()?, args)),
        Some(Command::Embed(args)) => block_on(embed::run(&open()?, args)),
        Some(Command::Logs { follow, lines }) => block_on(logs::run(&open()?, *lines, *follow)),
        Some(Command::Completions { shell }) => completions::run(*shell, lang),
        Some(Command::Serve(_)) => serve::run(&open()?),
        Some(Command::Daemon(args)) => daemon::run(&Front::of_daemon(&line, &args.settings)?, args),
    }
}
