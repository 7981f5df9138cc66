use std::str::FromStr;

use clap::Args;

/// Which page of a list to print.
#[derive(Args, Clone)]
pub struct Paging<C>
where
    C: FromStr + Clone + Send + Sync + 'static,
    C::Err: std::error::Error + Send + Sync + 'static,
{
    /// Number of rows at most
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    pub limit: i64,
    /// Continue after a previous page, with the cursor that it printed
    #[arg(long)]
    pub cursor: Option<C>,
}
