# shellcheck shell=bash
# Python programs that only tests use. To be sourced.

# python_environment FOLDER REQUIREMENTS: a virtual environment with the pinned versions, made anew whenever they change.
python_environment() {
    if cmp --quiet "$2" "$1/installed.txt"; then
        return 0
    fi
    if ! { python3 -m venv --clear "$1" &&
        "$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$2"; }; then
        echo "what $2 names cannot be installed, and what needs it stays untested: is PyPI reachable?" >&2
        return 1
    fi
    cp "$2" "$1/installed.txt"
}
