//! The formats of a metrics page, and the choice between them by `Accept` (RFC 9110 §12.5.1).

use std::fmt::{self, Write as _};

use actix_web::http::header::{ACCEPT, HeaderMap};
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

/// A format of a metrics page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// The text format that every tool reads.
    Text,
    /// OpenMetrics 1.0, which Prometheus prefers.
    OpenMetrics,
}

impl Exposition {
    /// The client's preference; [`Exposition::Text`] if it has none.
    pub fn preferred(headers: &HeaderMap) -> Self {
        let lists = headers.get_all(ACCEPT).filter_map(|list| list.to_str().ok());
        let ranges: Vec<Range> = lists.flat_map(|list| list.split(',')).map(Range::parse).collect();
        let quality = |matches: fn(&Range) -> bool| {
            ranges.iter().filter(|range| matches(range)).map(|range| range.quality).fold(0.0, f32::max)
        };
        let open_metrics = quality(Range::is_open_metrics);
        if open_metrics > 0.0 && open_metrics >= quality(Range::is_text) {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    /// The media type of the page.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The page with all metrics.
    pub fn encode(self, registry: &Registry) -> Result<String, fmt::Error> {
        let mut page = String::new();
        text::encode(&mut page, registry)?;
        match self {
            Self::Text => as_text(&page),
            Self::OpenMetrics => Ok(page),
        }
    }
}

/// One element of `Accept`.
struct Range {
    media_type: String,
    version: Option<String>,
    quality: f32,
}

impl Range {
    fn parse(text: &str) -> Self {
        let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
        let media_type = parts.next().unwrap_or_default();
        let (mut version, mut quality) = (None, 1.0);
        for part in parts {
            match part.split_once('=') {
                Some(("version", value)) => version = Some(value.trim_matches('"').to_owned()),
                Some(("q", value)) => quality = value.parse().unwrap_or(0.0),
                _ => {}
            }
        }
        Self { media_type, version, quality }
    }

    fn is_open_metrics(&self) -> bool {
        self.media_type == "application/openmetrics-text"
            && self.version.as_deref().is_none_or(|v| v == "1.0.0")
    }

    fn is_text(&self) -> bool {
        matches!(self.media_type.as_str(), "text/plain" | "text/*" | "*/*")
            && self.version.as_deref().is_none_or(|version| version == "0.0.4")
    }
}

/// Converts OpenMetrics to the text format 0.0.4. There, metadata has the name of the samples, and neither units, exemplars,
/// an end marker nor the types `info` and `unknown` exist.
fn as_text(open_metrics: &str) -> Result<String, fmt::Error> {
    let mut page = String::with_capacity(open_metrics.len());
    let mut help = None;
    for line in open_metrics.lines() {
        if let Some(metadata) = line.strip_prefix("# HELP ") {
            // Its metric has the name only that the type requires, which follows.
            help = metadata.split_once(' ').map(|(_, text)| text);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "gauge" | "histogram" | "summary" => ("", kind),
                _ => ("", "untyped"),
            };
            if let Some(help) = help.take() {
                writeln!(page, "# HELP {name}{suffix} {help}")?;
            }
            writeln!(page, "# TYPE {name}{suffix} {kind}")?;
        } else if !line.starts_with('#') {
            writeln!(page, "{}", sample(line))?;
        }
    }
    Ok(page)
}

/// The name, labels and value of a sample, without an exemplar.
fn sample(line: &str) -> &str {
    let has_labels = line.find(['{', ' ']).is_some_and(|end_of_name| line[end_of_name..].starts_with('{'));
    let labels = if has_labels { length_with_labels(line) } else { 0 };
    line[labels..].find(" # ").map_or(line, |exemplar| &line[..labels + exemplar])
}

/// Label values can contain any character, with `"` and `\` escaped.
fn length_with_labels(line: &str) -> usize {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let end = line.find(|c| {
        let is_end = c == '}' && !is_quoted;
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    });
    end.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ACCEPT, HeaderMap, HeaderValue};
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::exemplar::CounterWithExemplar;
    use prometheus_client::metrics::family::Family;
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::metrics::histogram::Histogram;
    use prometheus_client::metrics::info::Info;
    use prometheus_client::registry::{Registry, Unit};

    use super::Exposition;

    /// The header of Prometheus 2.53 and 3.
    const PROMETHEUS: [&str; 2] = [
        "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
         text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
         application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
         text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    ];

    #[test]
    fn the_format_is_the_one_that_the_client_prefers() {
        let preferred = |lists: &[&str]| {
            let mut headers = HeaderMap::new();
            for list in lists {
                headers.append(ACCEPT, HeaderValue::from_str(list).expect("a header"));
            }
            Exposition::preferred(&headers)
        };
        for lists in [
            &[PROMETHEUS[0]][..],
            &[PROMETHEUS[1]],
            &["application/openmetrics-text"],
            &["Application/OpenMetrics-Text; version=\"1.0.0\"; charset=utf-8"],
            &["text/plain;q=0.5", "application/openmetrics-text"],
        ] {
            assert_eq!(preferred(lists), Exposition::OpenMetrics, "{lists:?}");
        }
        for lists in [
            &[][..],
            &["*/*"],
            &["text/html,application/xhtml+xml,*/*;q=0.8"],
            &["text/plain;version=0.0.4;q=1,*/*;q=0.1"],
            &["application/openmetrics-text;q=0.3, text/plain;version=0.0.4;q=0.7"],
            &["application/openmetrics-text;version=0.0.1"],
            &["application/openmetrics-text;q=0"],
            &["application/openmetrics-text;q=x"],
            &["application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"],
            &[";;=,,"],
        ] {
            assert_eq!(preferred(lists), Exposition::Text, "{lists:?}");
        }
    }

    #[test]
    fn every_kind_of_metric_has_its_text_format() {
        let mut registry = Registry::with_prefix("app");
        registry.register("build", "Version", Info::new([("version", "1")]));
        let requests = Family::<[(&str, &str); 1], Counter>::default();
        requests.get_or_create(&[("path", "/a \"}\\ # {\n")]).inc();
        registry.register("requests", "Requests", requests);
        let retries = CounterWithExemplar::<[(&str, &str); 1]>::default();
        retries.inc_by(2, Some([("id", "x")]), None);
        registry.register("retries", "Retries", retries);
        let age: Gauge<f64, std::sync::atomic::AtomicU64> = Gauge::default();
        age.set(0.25);
        registry.register_with_unit("age", "Age", Unit::Seconds, age);
        let sizes = Histogram::new([1.0]);
        sizes.observe(0.5);
        registry.register("sizes", "Sizes", sizes);
        let page = Exposition::Text.encode(&registry).expect("a page");
        assert_eq!(
            page,
            "# HELP app_build_info Version.\n\
             # TYPE app_build_info gauge\n\
             app_build_info{version=\"1\"} 1\n\
             # HELP app_requests_total Requests.\n\
             # TYPE app_requests_total counter\n\
             app_requests_total{path=\"/a \\\"}\\\\ # {\\n\"} 1\n\
             # HELP app_retries_total Retries.\n\
             # TYPE app_retries_total counter\n\
             app_retries_total 2\n\
             # HELP app_age_seconds Age.\n\
             # TYPE app_age_seconds gauge\n\
             app_age_seconds 0.25\n\
             # HELP app_sizes Sizes.\n\
             # TYPE app_sizes histogram\n\
             app_sizes_sum 0.5\n\
             app_sizes_count 1\n\
             app_sizes_bucket{le=\"1.0\"} 1\n\
             app_sizes_bucket{le=\"+Inf\"} 1\n"
        );
        assert!(Exposition::OpenMetrics.encode(&registry).expect("a page").ends_with("# EOF\n"));
    }
}
