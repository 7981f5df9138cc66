//! A `User-Agent` as a person would say it. What it says is hearsay: it is shown to people, and nothing rests on it.

#[cfg(test)]
mod tests;

type Table = [(&'static str, &'static str)];

/// Programs that no person sits at, which name themselves first. Where they run is not for them to say.
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

/// What calls itself so, or leaves an address for complaints, wherever in its name.
const BOTS: &[&str] = &["bot/", "Bot/", "crawler", "Crawler", "spider", "Spider", "+http"];

/// Browsers, and apps with a browser in them, in the order in which they are looked for: most claim to be the ones that
/// come after them. Brave and Vivaldi say that they are Chrome, so that is what they are called, unless they say more.
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
    // Android's and Apple's parts for apps that show web pages, and their libraries for those that show none.
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

/// Systems, likewise.
const SYSTEMS: &Table = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    // These browsers run on no Mac, but an iPad pretends to be one.
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

/// A device as its person would call it: "Firefox on Linux". `None` where the `User-Agent` tells nothing.
#[must_use]
pub fn device(user_agent: &str) -> Option<String> {
    if let Some((_, program)) = PROGRAMS.iter().find(|(mark, _)| user_agent.starts_with(mark)) {
        return Some((*program).to_owned());
    }
    if BOTS.iter().any(|mark| user_agent.contains(mark)) {
        return Some("Bot".to_owned());
    }
    match (find(BROWSERS, user_agent), find(SYSTEMS, user_agent)) {
        (Some(browser), Some(system)) => Some(format!("{browser} on {system}")),
        (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
        (None, None) => None,
    }
}

fn find(table: &Table, text: &str) -> Option<&'static str> {
    table.iter().find(|(mark, _)| text.contains(mark)).map(|(_, name)| *name)
}
