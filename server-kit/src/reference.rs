//! Shell completions and manual pages, made from the command line.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Command, CommandFactory, Subcommand};
use clap_complete::Shell;
use clap_mangen::Man;

/// The colours of `--help` at a terminal.
const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Commands that describe the program.
#[derive(Clone, Debug, Subcommand)]
pub enum Reference {
    /// Print the completions for a shell
    #[command(after_help = "\
Examples:
  bash:        PROGRAM completions bash >~/.local/share/bash-completion/completions/PROGRAM
  fish:        PROGRAM completions fish >~/.config/fish/completions/PROGRAM.fish
  zsh:         PROGRAM completions zsh >~/.zfunc/_PROGRAM     # a folder of $fpath
  PowerShell:  PROGRAM completions powershell >>$PROFILE")]
    Completions {
        /// Name of the shell
        shell: Shell,
    },
    /// Print the manual page, or write all pages into a folder
    #[command(after_help = "\
Examples:
  Read the page:
    PROGRAM man | man -l -
  Install the pages of the program and its commands:
    PROGRAM man /usr/local/share/man/man1")]
    Man {
        /// Existing folder for one page per command
        folder: Option<PathBuf>,
    },
}

impl Reference {
    /// Prints what the command requests, about the program `P`.
    ///
    /// # Errors
    /// One line that names the folder.
    pub fn print<P: CommandFactory>(&self) -> Result<(), String> {
        let mut command = command::<P>();
        let mut text = Vec::new();
        match self {
            Self::Completions { shell } => {
                let name = command.get_name().to_owned();
                clap_complete::generate(*shell, &mut command, &name, &mut text);
                if *shell == Shell::Bash {
                    text = with_matching_labels(&name, &text);
                }
            }
            Self::Man { folder: Some(folder) } => {
                return write_pages(&built(command), folder).map_err(|error| {
                    format!("cannot write manual pages into {}: {}", folder.display(), error.kind())
                });
            }
            Self::Man { folder: None } => {
                write_page(&built(command), &mut text).map_err(|error| error.to_string())?;
            }
        }
        // A closed pipe (`| head`) is not an error.
        let _ = io::stdout().write_all(&text);
        Ok(())
    }
}

/// The command line, with the name of the program in the examples of [`Reference`].
pub(crate) fn command<P: CommandFactory>() -> Command {
    let command = P::command().styles(STYLES);
    let name = command.get_name().to_owned();
    command.mut_subcommands(|subcommand| match subcommand.get_after_help().map(ToString::to_string) {
        Some(examples) => subcommand.after_help(examples.replace("PROGRAM", &name)),
        None => subcommand,
    })
}

/// Completions for bash that also work after a subcommand: `clap_complete` writes the hyphen of a program's name in two ways
/// (clap-rs/clap#6421).
fn with_matching_labels(name: &str, script: &[u8]) -> Vec<u8> {
    let (wrong, right) = (name.replace('-', "__subcmd__"), name.replace('-', "__"));
    String::from_utf8_lossy(script).replace(&wrong, &right).into_bytes()
}

/// With the full names of all commands, for their manual pages.
fn built(command: Command) -> Command {
    // clap_mangen omits the text of options that are not in the short help.
    let mut command =
        command.disable_help_subcommand(true).mut_args(|argument| argument.hide_short_help(false));
    command.build();
    command
}

fn write_pages(command: &Command, folder: &Path) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let mut page = Vec::new();
    write_page(command, &mut page)?;
    fs::write(folder.join(format!("{name}.1")), page)?;
    command.get_subcommands().try_for_each(|subcommand| write_pages(subcommand, folder))
}

/// As `Man::render`, but the synopsis does not repeat the names of all options, and examples keep their lines.
fn write_page(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(command.clone());
    man.render_title(page)?;
    man.render_name_section(page)?;
    let usage = command.clone().render_usage().to_string();
    write_verbatim("SYNOPSIS", usage.trim_start_matches("Usage: "), page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(page)?;
    }
    match command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string) {
        Some(examples) => write_verbatim("EXAMPLES", examples.trim_start_matches("Examples:\n"), page),
        None => Ok(()),
    }
}

/// Lines that `man` neither joins nor splits.
fn write_verbatim(heading: &str, lines: &str, page: &mut Vec<u8>) -> io::Result<()> {
    writeln!(page, ".SH {heading}\n.nf")?;
    for line in lines.lines() {
        // Without `\&`, a line that begins with a dot or an apostrophe would be a request.
        writeln!(page, "\\&{}", line.replace('\\', "\\e").replace('-', "\\-"))?;
    }
    writeln!(page, ".fi")
}

#[cfg(test)]
mod tests {
    use super::write_verbatim;

    #[test]
    fn examples_keep_their_characters_in_a_manual_page() {
        let mut page = Vec::new();
        write_verbatim("EXAMPLES", "  .a -b \\\n'c'", &mut page).expect("a page");
        assert_eq!(
            String::from_utf8(page).expect("text"),
            ".SH EXAMPLES\n.nf\n\\&  .a \\-b \\e\n\\&'c'\n.fi\n"
        );
    }
}
