//! `rexnetc study`: how many directions of its channels a layer uses.

mod channels;
mod channels_figure;
mod feature_maps;
mod figure;
mod images;
mod layer;
mod parallel;
mod points;
mod rank;
mod spectrum;
mod table;

use crate::failure::{Exit, Failure};
use crate::terminal::Terminal;
use clap::{Args, Subcommand};

/// Study the ranks of feature maps: of layers made at random, or of a network's.
///
/// The matrix of a feature map has a row for each channel and a column for each position. Its rank, by the channels, says how
/// many of them are no mixture of the others: a configuration whose layers expand too much has channels that add nothing
/// (Han et al., "Rethinking Channel Dimensions for Efficient Model Design", CVPR 2021, section 3).
#[derive(Args, Debug)]
pub(crate) struct Study {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Subcommand, Debug)]
enum Subject {
    Rank(rank::RankArguments),
    Channels(channels::ChannelsArguments),
}

/// Runs a study.
pub(crate) fn study(arguments: &Study, terminal: &Terminal) -> Result<Exit, Failure> {
    match &arguments.subject {
        Subject::Rank(arguments) => rank::rank(arguments, terminal),
        Subject::Channels(arguments) => channels::channels(arguments, terminal),
    }
}
