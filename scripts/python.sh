# shellcheck shell=bash
# Installs Python programs that only tests use. To be sourced.

# python_environment FOLDER REQUIREMENTS: creates a virtual environment with the pinned versions, again when they change.
python_environment() {
    if cmp --quiet "$2" "$1/installed.txt"; then
        return 0
    fi
    if ! { python3 -m venv --clear "$1" &&
        "$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$2"; }; then
        echo "cannot install $2 from PyPI: see above" >&2
        return 1
    fi
    cp "$2" "$1/installed.txt"
}
