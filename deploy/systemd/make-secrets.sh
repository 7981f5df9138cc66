#!/bin/sh
# Creates the missing secrets of the services in /etc/latchkey/secrets. Existing ones stay as they are.
#
# make-secrets.sh NAME...: 32 random bytes each, in hexadecimal. Root owns the files, so that the server that reads them
# cannot change them.
set -eu

folder=/etc/latchkey/secrets

main() {
    mkdir -p "$folder"
    protect 0750 "$folder"
    for name; do
        file=$folder/$name
        if [ ! -s "$file" ]; then
            # Moved when it is complete, so that an interruption leaves no partial secret.
            (umask 077 && od -A n -t x1 -N 32 /dev/urandom | tr -d ' \n' >"$file.new")
            mv "$file.new" "$file"
        fi
        protect 0640 "$file"
    done
}

# protect MODE PATH: for root, and for the auth server if it is installed.
protect() {
    chmod "$1" "$2"
    if getent group latchkey >/dev/null; then
        chown root:latchkey "$2"
    fi
}

main "$@"
