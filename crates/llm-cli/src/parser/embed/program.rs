//! What was asked of `llm-embed`: vectors of texts, or a command.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory, Error, FromArgMatches, Parser, Subcommand};

use super::{EmbedArgs, EmbedCommand};
use crate::app::{Program, file_of};

/// What was asked of `llm-embed`.
#[derive(Clone, Debug)]
pub enum EmbedProgram {
    /// Vectors of texts.
    Embed(Box<EmbedArgs>),
    /// Something with vectors that are there.
    Compare(EmbedCommand),
}

impl EmbedProgram {
    /// Refuses flags that stand before a command, where they would be lost.
    fn check(matches: &ArgMatches) -> Result<(), Error> {
        let name = matches.subcommand_name().unwrap_or_default();
        let mut command = Self::command();
        command.build();
        let stray = command.get_arguments().find_map(|flag| {
            let id = flag.get_id().as_str();
            let is_given = matches.value_source(id) == Some(ValueSource::CommandLine);
            (is_given && id != "quiet").then(|| flag.to_string())
        });
        match stray {
            Some(flag) => Err(command.error(
                ErrorKind::ArgumentConflict,
                format!(
                    "the flags of '{name}' go after it, but '{flag}' stands before it; a file of that name is given as ./{name}"
                ),
            )),
            None => Ok(()),
        }
    }
}

impl CommandFactory for EmbedProgram {
    fn command() -> Command {
        let own = EmbedArgs::command();
        let about = own.get_about().cloned().unwrap_or_default();
        let long_about = own.get_long_about().cloned().unwrap_or_default();
        // The commands' own text would stand in place of the program's.
        EmbedCommand::augment_subcommands(own)
            .about(about)
            .long_about(long_about)
            .subcommand_negates_reqs(true)
            .disable_help_subcommand(true)
    }

    fn command_for_update() -> Command {
        Self::command()
    }
}

impl FromArgMatches for EmbedProgram {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        if matches.subcommand_name().is_none() {
            let args = EmbedArgs::from_arg_matches(matches)?;
            return Ok(Self::Embed(Box::new(args)));
        }
        Self::check(matches)?;
        EmbedCommand::from_arg_matches(matches).map(Self::Compare)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Parser for EmbedProgram {}

impl Program for EmbedProgram {
    fn settled(self) -> Self {
        match self {
            Self::Embed(mut args) => {
                args.output.output = file_of(args.output.output);
                Self::Embed(args)
            }
            compare @ Self::Compare(_) => compare,
        }
    }
}
