"""The manifests of deploy/, as Helm and Kustomize make them."""

import os
import shutil
import subprocess
from pathlib import Path

import yaml

try:
    import helm_python as helm
except ImportError:
    helm = None

CHART = "deploy/helm/latchkey"
DEFAULTS = {"issuer": "https://auth.example.org", "secret": {"existing": "latchkey"}}
SECRETS = {"database_url": "postgres://latchkey@db/latchkey", "jwt_refresh_secret": "a", "key_encryption_secret": "b"}


def everything():
    return yaml.safe_load(Path(CHART, "ci/everything-values.yaml").read_text())


def quietly(action, *arguments, **options):
    """The library writes to standard error that the chart contains a symbolic link."""
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        return action(*arguments, **options)
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document]


def rendered(values):
    """The objects of the chart, including the hooks."""
    with quietly(helm.Chart.load, CHART) as chart:
        files = chart.render(values, name="latchkey", namespace="example")
    return [object for name, text in sorted(files.items()) if name.endswith(".yaml") for object in documents(text)]


def lint(values):
    """What `helm lint --strict` complains about."""
    report = quietly(helm.lint, CHART, values, strict=True)
    return report["errors"] + [message["error"] for message in report["messages"] if message["severity"] > 1]


def is_rejected(values):
    """Whether the schema of the values or a template rejects these values."""
    try:
        rendered(values)
    except helm.HelmError:
        return True
    return False


def kustomize():
    """The command that builds a folder, if there is one."""
    commands = {"kubectl": ["kubectl", "kustomize"], "kustomize": ["kustomize", "build"]}
    return next((command for name, command in commands.items() if shutil.which(name)), None)


def built(*folders, root="deploy/kustomize"):
    objects = []
    for folder in folders:
        command = [*kustomize(), f"{root}/{folder}"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise ValueError(f"{' '.join(command)}: {result.stderr.strip()}")
        objects += documents(result.stdout)
    return objects


def variants():
    """Yields the name of each variant and a function that makes its objects, or the reason why that is not possible."""
    reason = None if helm else "no package of helm-python-sdk for this system"
    yield "Helm, defaults", reason or (lambda: rendered(DEFAULTS))
    yield "Helm, everything", reason or (lambda: rendered(everything()))
    of_values = DEFAULTS | {"secret": {"values": SECRETS}, "resourceServer": {"enabled": True}}
    yield "Helm, secrets as values", reason or (lambda: rendered(of_values))
    reason = None if kustomize() else "neither kubectl nor kustomize was found"
    yield "Kustomize, defaults", reason or (lambda: built("auth-server", "migrate"))
    yield "Kustomize, everything", reason or (lambda: built("everything", "migrate"))
