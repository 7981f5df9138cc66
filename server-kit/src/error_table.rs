//! The page that `type` of every problem links to: the tables of codes and reasons in `docs/api.md`.

const REFERENCE: &str = include_str!("../../docs/api.md");
/// The heading above the codes. The reasons follow.
const HEADING: &str = "### Error codes";

const START: &str = r#"<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Error codes</title>
    <link rel="icon" href="../favicon.ico" />
    <link rel="stylesheet" href="base.css" />
    <link rel="stylesheet" href="docs.css" />
  </head>
  <body>
    <header class="topbar">
      <span class="brand"><img src="icon.svg" alt="" width="28" height="28" /> Latchkey</span>
      <nav aria-label="Links">
        <a href="../docs">API reference</a>
        <a href="errors" aria-current="page">Error codes</a>
        <a href="../openapi.json">OpenAPI document</a>
      </nav>
    </header>
    <main>
      <div class="intro">
        <h1>Error codes</h1>
        <p>The <code>code</code> of an error response, and what to do about it. Programs should compare <code>code</code>.</p>
      </div>
"#;

/// The page, in HTML.
pub fn page() -> String {
    let tables = REFERENCE.split_once(HEADING).map_or("", |(_, rest)| rest);
    let mut html = vec![START.to_owned()];
    let mut is_in_table = false;
    // The second line of each table only separates its head. An empty line ends the last table.
    for line in tables.lines().filter(|line| !line.starts_with("|-")).chain([""]) {
        let cells: Option<Vec<&str>> =
            line.strip_prefix("| ").map(|row| row.trim_end_matches(" |").split(" | ").collect());
        if cells.is_none() && is_in_table {
            html.push("</tbody></table></div>\n".to_owned());
            is_in_table = false;
        }
        match cells {
            Some(names) if !is_in_table => {
                let names: Vec<_> =
                    names.iter().map(|name| format!("<th scope=\"col\">{}</th>", marked_up(name))).collect();
                html.push(format!(
                    "<div class=\"card\"><table><thead><tr>{}</tr></thead><tbody>\n",
                    names.concat()
                ));
                is_in_table = true;
            }
            Some(cells) => html.push(row(&cells)),
            None => {
                if let Some(heading) = line.strip_prefix("### ") {
                    html.push(format!("<h2>{}</h2>\n", marked_up(heading)));
                }
            }
        }
    }
    html.push("</main></body></html>\n".to_owned());
    html.concat()
}

/// The anchor is the code or the reason: the first cell in backticks.
fn row(cells: &[&str]) -> String {
    let name = cells.iter().find_map(|cell| cell.strip_prefix('`')?.strip_suffix('`')).unwrap_or_default();
    let cells: Vec<_> = cells.iter().map(|cell| format!("<td>{}</td>", marked_up(cell))).collect();
    format!("<tr id=\"{name}\">{}</tr>\n", cells.concat())
}

/// Text in HTML, with code between backticks.
fn marked_up(text: &str) -> String {
    let escaped = text.trim().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let parts = escaped.split('`').enumerate();
    parts
        .map(|(index, part)| if index % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() })
        .collect()
}
