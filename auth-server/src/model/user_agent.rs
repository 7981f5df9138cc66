//! A readable name for a `User-Agent`. For display only: clients can send any value.

#[cfg(test)]
mod tests;

type Table = [(&'static str, &'static str)];

/// Programs whose `User-Agent` starts with their name. Their system is not shown.
const PROGRAMS: &Table = &[
    ("curl/", "curl"),
    ("Wget", "Wget"),
    ("HTTPie/", "HTTPie"),
    ("PostmanRuntime/", "Postman"),
    ("insomnia/", "Insomnia"),
    ("bruno-runtime/", "Bruno"),
    ("okhttp/", "OkHttp"),
    ("Dart/", "Dart"),
    ("python-requests/", "Python"),
    ("python-httpx/", "Python"),
    ("Python", "Python"),
    ("Go-http-client/", "Go"),
    ("Java", "Java"),
    ("Apache-HttpClient/", "Java"),
    ("axios/", "Node.js"),
    ("node", "Node.js"),
    ("undici", "Node.js"),
    ("Deno/", "Deno"),
    ("Bun/", "Bun"),
    ("GuzzleHttp/", "PHP"),
    ("Ruby", "Ruby"),
    ("Faraday", "Ruby"),
];

/// Parts of the `User-Agent` of crawlers.
const BOTS: &[&str] = &["bot/", "Bot/", "crawler", "Crawler", "spider", "Spider", "+http"];

/// Browsers, and apps with an embedded browser. The first match wins: most also contain the names of those below them.
/// Brave and Vivaldi are shown as Chrome unless they send their own names.
const BROWSERS: &Table = &[
    ("FBAN/", "Facebook"),
    ("FB_IAB/", "Facebook"),
    ("Instagram", "Instagram"),
    ("LinkedInApp", "LinkedIn"),
    ("MicroMessenger/", "WeChat"),
    ("BytedanceWebview", "TikTok"),
    ("musical_ly", "TikTok"),
    ("Snapchat", "Snapchat"),
    ("Pinterest/", "Pinterest"),
    ("GSA/", "Google app"),
    ("Slack", "Slack"),
    ("Teams/", "Teams"),
    ("Electron/", "App"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edg/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("OPX/", "Opera"),
    ("Opera", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("Vivaldi/", "Vivaldi"),
    ("Brave", "Brave"),
    ("YaBrowser/", "Yandex"),
    ("UCBrowser/", "UC Browser"),
    ("HuaweiBrowser/", "Huawei Browser"),
    ("MiuiBrowser/", "Mi Browser"),
    ("Whale/", "Whale"),
    ("Silk/", "Silk"),
    ("FxiOS/", "Firefox"),
    ("Focus/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Headless Chrome"),
    // Web views and HTTP libraries of Android and Apple.
    ("; wv)", "App"),
    ("Dalvik/", "App"),
    ("CFNetwork/", "App"),
    ("WindowsPowerShell/", "PowerShell"),
    ("PowerShell/", "PowerShell"),
    ("Chromium/", "Chromium"),
    ("TV Safari/", "Browser"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("AppleWebKit/", "App"),
];

/// Operating systems. The first match wins.
const SYSTEMS: &Table = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    // These browsers do not exist for macOS, but an iPad claims to be a Mac.
    ("CriOS/", "iPad"),
    ("FxiOS/", "iPad"),
    ("EdgiOS/", "iPad"),
    ("OpenHarmony", "HarmonyOS"),
    ("SMART-TV", "a TV"),
    ("SmartTV", "a TV"),
    ("Android", "Android"),
    ("Xbox", "Xbox"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Macintosh", "macOS"),
    ("Darwin/", "an Apple device"),
    ("FreeBSD", "FreeBSD"),
    ("Linux", "Linux"),
];

/// For example "Firefox on Linux". `None` if nothing is recognised.
pub fn device(user_agent: &str) -> Option<String> {
    if let Some((_, program)) = PROGRAMS.iter().find(|(part, _)| user_agent.starts_with(part)) {
        return Some((*program).to_owned());
    }
    if BOTS.iter().any(|part| user_agent.contains(part)) {
        return Some("Bot".to_owned());
    }
    match (find(BROWSERS, user_agent), find(SYSTEMS, user_agent)) {
        (Some(browser), Some(system)) => Some(format!("{browser} on {system}")),
        (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
        (None, None) => None,
    }
}

fn find(table: &Table, text: &str) -> Option<&'static str> {
    table.iter().find(|(part, _)| text.contains(part)).map(|(_, name)| *name)
}
