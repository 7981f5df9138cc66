#!/usr/bin/env bash
# Fills in a template of this folder and prints it.
#
#   deploy/patroni/fill.sh TEMPLATE SETTINGS [NAME=VALUE...]
#
# SETTINGS is a file with a line NAME=VALUE for each @NAME@ of the template. Arguments take precedence.
set -euo pipefail
if [[ $# -lt 2 ]]; then
    echo "usage: fill.sh TEMPLATE SETTINGS [NAME=VALUE...]" >&2
    exit 2
fi
text=$(<"$1")
while IFS="=" read -r name value; do
    [[ $name != "#"* ]] || continue
    text=${text//"@$name@"/"$value"}
done < <(printf '%s\n' "${@:3}"; cat "$2")
if [[ $text =~ @[A-Z0-9_]+@ ]]; then
    echo "fill.sh: $1: ${BASH_REMATCH[0]} has no value" >&2
    exit 1
fi
printf '%s\n' "$text"
