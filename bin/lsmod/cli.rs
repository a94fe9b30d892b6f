//! The command line.

use std::ffi::OsString;

use anyhow::{bail, ensure};
use clap::{ArgGroup, Parser};
use modutils::loaded::{State, Taints};

use super::cells::Sizes;
use super::columns::{self, Column, ColumnList, SortKeys};
use super::json;
use super::options::{Detail, Format, Options, TOOL};
use super::select::Filter;
use super::tree::Below;
use crate::common::cli::{self, MessageOptions};
use crate::common::status::{DONE, Meanings, Status, USAGE};
use crate::common::words::joined_behind_program;

/// The exit statuses of this command.
pub const STATUSES: Meanings =
    &[DONE, (Status::Failed, "failed, or a name matched no loaded module"), USAGE];

/// List the loaded modules.
#[derive(Debug, Default, Parser)]
#[command(name = "lsmod", bin_name = "lsmod", version, max_term_width = 100)]
#[command(
    override_usage = "lsmod [OPTIONS] [NAME|PATTERN]...",
    args_override_self = true,
    infer_long_args = true
)]
#[command(group = ArgGroup::new("format"))]
struct Cli {
    /// List only these modules: names, module files or patterns such as 'snd_*'
    #[arg(value_name = "NAME|PATTERN")]
    modules: Vec<OsString>,

    /// Columns, separated by commas; +LIST adds to the default
    #[arg(short, long, value_name = "LIST", conflicts_with = "summary")]
    output: Option<ColumnList>,
    /// Print all columns
    #[arg(short = 'O', long, conflicts_with_all = ["summary", "output"])]
    output_all: bool,
    /// List the available columns
    #[arg(long)]
    list_columns: bool,
    /// Print a readable table that fits the terminal
    #[arg(short, long, group = "format")]
    long: bool,
    /// Print the list as JSON
    #[arg(short = 'J', long, group = "format")]
    json: bool,
    /// Separate columns by one space; escape blanks as \x20
    #[arg(short, long, group = "format")]
    raw: bool,
    /// Show a tree of modules and their users; (*) marks a subtree already shown
    #[arg(short = 'T', long, group = "format")]
    tree: bool,
    /// Invert the tree: show the modules that each module uses
    #[arg(long, conflicts_with_all = ["long", "json", "raw", "summary"])]
    inverse: bool,
    /// Print one line: number of modules, memory, taints
    #[arg(long, conflicts_with_all = ["long", "raw", "tree", "inverse"])]
    summary: bool,
    /// Print no headings
    #[arg(short, long)]
    noheadings: bool,
    /// Print sizes in bytes
    #[arg(short, long)]
    bytes: bool,

    /// Sort by these columns; -COL in descending order
    #[arg(
        long,
        value_name = "LIST",
        allow_hyphen_values = true,
        help_heading = "Order and selection"
    )]
    sort: Option<SortKeys>,
    /// Reverse the order
    #[arg(long, help_heading = "Order and selection")]
    reverse: bool,
    /// Only modules without references and without devices
    #[arg(long, help_heading = "Order and selection")]
    unused: bool,
    /// Only tainted modules, or with one of LETTERS
    #[arg(
        long,
        value_name = "LETTERS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        value_parser = taint_letters,
        help_heading = "Order and selection"
    )]
    tainted: Option<String>,
    /// Only modules that are live, loading or unloading
    #[arg(long, value_parser = state, help_heading = "Order and selection")]
    state: Option<State>,
    /// Only modules whose installed file is another build
    #[arg(long, help_heading = "Order and selection")]
    stale: bool,
    /// Only permanent modules (no exit function)
    #[arg(long, help_heading = "Order and selection")]
    permanent: bool,

    #[command(flatten)]
    messages: MessageOptions,
}

impl Cli {
    fn format(&self) -> Format {
        let chosen = |usual: &[Column]| match &self.output {
            _ if self.output_all => Column::all(),
            Some(list) => list.over(usual),
            None => usual.to_vec(),
        };
        let below = if self.inverse { Below::Used } else { Below::Users };
        match self {
            Self { long: true, .. } => Format::Long(self.long_columns()),
            Self { summary: true, json: true, .. } => Format::SummaryJson,
            Self { summary: true, .. } => Format::Summary,
            Self { json: true, .. } => Format::Json(chosen(columns::DATA)),
            Self { raw: true, .. } => Format::Raw(chosen(columns::BRIEF)),
            Self { tree: true, .. } | Self { inverse: true, .. } => {
                Format::Tree(chosen(columns::TREE), below)
            }
            Self { output: None, output_all: false, .. } => Format::Classic,
            _ => Format::Aligned(chosen(columns::BRIEF)),
        }
    }

    /// The users come last, whatever is added.
    fn long_columns(&self) -> Vec<Column> {
        let Some(list) = &self.output else {
            return if self.output_all { Column::all() } else { columns::BRIEF.to_vec() };
        };
        let mut columns = list.over(columns::BRIEF);
        if columns.starts_with(columns::BRIEF)
            && let Some(users) = columns.iter().position(|column| *column == Column::UsedBy)
        {
            let users = columns.remove(users);
            columns.push(users);
        }
        columns
    }
}

impl From<Cli> for Options {
    fn from(cli: Cli) -> Self {
        Self {
            format: cli.format(),
            modules: cli.modules,
            list_columns: cli.list_columns,
            headings: !cli.noheadings,
            sizes: if cli.bytes { Sizes::Bytes } else { Sizes::Human },
            sort: cli.sort.map(|keys| keys.0).unwrap_or_default(),
            reverse: cli.reverse,
            filter: Filter {
                unused: cli.unused,
                permanent: cli.permanent,
                tainted: cli.tainted,
                state: cli.state,
                stale: cli.stale,
            },
            detail: if cli.long { Detail::Full } else { Detail::Brief },
            json: cli.json,
            messages: cli.messages.into(),
        }
    }
}

fn taint_letters(text: &str) -> anyhow::Result<String> {
    let letters = text.to_ascii_uppercase();
    let known: Vec<_> = Taints::known().map(|(letter, _)| letter.to_string()).collect();
    let is_known = |letter: char| known.contains(&letter.to_string());
    ensure!(letters.chars().all(is_known), "the taints are {}", known.join(", "));
    Ok(letters)
}

/// In the words of `/proc/modules`, or of `initstate` in sysfs.
fn state(text: &str) -> anyhow::Result<State> {
    match text.to_ascii_lowercase().as_str() {
        "live" => Ok(State::Live),
        "loading" | "coming" => Ok(State::Loading),
        "unloading" | "going" => Ok(State::Unloading),
        _ => bail!("the states are live, loading and unloading"),
    }
}

/// Without any option there is nothing to parse, and the usual call does not pay for it.
pub(crate) fn parse(argv: impl Iterator<Item = OsString>) -> Result<Options, Status> {
    let argv = joined_behind_program(argv.collect(), false);
    if argv.len() <= 1 {
        return Ok(Cli::default().into());
    }
    cli::parse::<Cli>(TOOL, STATUSES, json::of_mistake, &argv).map(Options::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(options: &str) -> Format {
        let words = std::iter::once("lsmod").chain(options.split_whitespace());
        parse(words.map(OsString::from)).unwrap().format
    }

    #[test]
    fn options_may_be_repeated() {
        let words = ["lsmod", "-n", "a", "-o", "SIZE", "-nv", "-v", "b", "-o", "NAME"];
        let options = parse(words.map(OsString::from).into_iter()).unwrap();
        assert_eq!(options.format, Format::Aligned(vec![Column::Name]));
        assert_eq!(options.modules, ["a", "b"]);
    }

    #[test]
    fn the_definition_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn formats() {
        use Column::{Name, Size, Taint};
        assert_eq!(format(""), Format::Classic);
        assert_eq!(format("-n --unused t_base"), Format::Classic);
        assert_eq!(format("-o name,size"), Format::Aligned(vec![Name, Size]));
        assert_eq!(format("-r -o +TAINT"), Format::Raw([columns::BRIEF, &[Taint]].concat()));
        assert_eq!(format("-J"), Format::Json(columns::DATA.to_vec()));
        assert_eq!(format("-JO"), Format::Json(Column::all()));
        assert_eq!(format("-T"), Format::Tree(columns::TREE.to_vec(), Below::Users));
        assert_eq!(format("--inverse -o NAME"), Format::Tree(vec![Name], Below::Used));
        assert_eq!(format("-l"), Format::Long(columns::BRIEF.to_vec()));
        let added = [&columns::BRIEF[..3], &[Column::Stale, Column::UsedBy]].concat();
        assert_eq!(format("-l -o +stale"), Format::Long(added));
        assert_eq!(format("--summary -J"), Format::SummaryJson);
        assert_eq!(format("--summary"), Format::Summary);
        assert_eq!(format("-o SIZE -o NAME"), Format::Aligned(vec![Name]));
    }

    #[test]
    fn words_of_options() {
        assert_eq!(taint_letters("oe").unwrap(), "OE");
        assert!(taint_letters("O E").is_err());
        assert!(taint_letters("Z").is_err());
        assert_eq!(state("Coming").unwrap(), State::Loading);
        assert!(state("dead").is_err());
    }
}
