"""What the manifests must agree with: facts of the servers, read from their sources and documents."""

import re
import tomllib
from pathlib import Path

import yaml

SERVERS = ("auth-server", "resource-server")


def text(path):
    return Path(path).read_text()


def find(pattern, path):
    found = re.search(pattern, text(path), re.MULTILINE)
    if not found:
        raise ValueError(f"{path} has no {pattern}")
    return found[1]


def version():
    return tomllib.loads(text("Cargo.toml"))["workspace"]["package"]["version"]


def settings(server):
    """The environment variables of a server in docs/settings.md."""
    section = re.split(r"^## ", text("docs/settings.md"), flags=re.MULTILINE)
    section = next(part for part in section if part.startswith(f"{server}\n"))
    cells = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([A-Z0-9_]+)`", cell)} | {"RUST_LOG"}


def paths(server):
    """The paths in the URL table of a server."""
    return set(re.findall(r'resource\("(/[^"]*)"', text(f"{server}/src/http/routes.rs")))


def port(server):
    """The port of a server in its image."""
    return int(find(rf"^FROM scratch AS {server}$(?:\n.*)*?\nENV BIND_ADDR=0\.0\.0\.0:(\d+)", "Dockerfile"))


def user():
    return int(find(r"^USER (\d+):", "Dockerfile"))


def stop_seconds(server):
    """How long a server may take to stop: requests in progress and, on the auth server, mails."""
    seconds = int(find(r"^const SHUTDOWN_SECONDS: u64 = (\d+);", "server-kit/src/http_server.rs"))
    if server == "auth-server":
        pattern = r"^const STOP_LIMIT: Duration = Duration::from_secs\((\d+)\);"
        seconds += int(find(pattern, "auth-server/src/domain/mail_delivery.rs"))
    return seconds


def memory_limit(server):
    """The limit in docker-compose.yml, in MiB."""
    return int(yaml.safe_load(text("docker-compose.yml"))["services"][server]["mem_limit"].removesuffix("m"))


def alerts():
    return yaml.safe_load(text("deploy/prometheus/rules.yml"))


def jobs():
    """The names of the scraped jobs, which the alerts use."""
    configuration = yaml.safe_load(text("deploy/prometheus/prometheus.yml"))
    return {job["job_name"] for job in configuration["scrape_configs"]}
