#!/bin/sh
# Written by vartai at each start. PostgreSQL calls it with each piece of WAL that is complete: its path and its name.
#
# It ends well when the piece is on the disk, or when it was let go: PostgreSQL must never run out of room because of
# this archive. Else PostgreSQL keeps the piece and calls again.
set -u
umask 077
archive=@ARCHIVE@
max_kb=@MAX_KB@
# So many pieces may wait in PostgreSQL's own directory while the archive can't be written.
patience=64
path=$1
name=$2
kept="$archive/wal/$name.gz"
new="$archive/wal/.$name.new"

say() { echo "WAL archive: $1" >&2; }

let_go() {
    rm -f "$new"
    say "$name is NOT KEPT: $1. Nothing after it can be restored to, until a new base backup (vartai backup base)"
    exit 0
}

later() {
    rm -f "$new"
    waiting=$(ls pg_wal/archive_status 2>/dev/null | grep -c '\.ready$')
    [ "$waiting" -gt "$patience" ] && let_go "$1, and $waiting pieces wait"
    say "$1"
    exit 1
}

# The order of the pieces is that of their names without the timeline.
place() { echo "$1" | cut -c 9-24; }

# The oldest goes first, but never what the newest base backup needs.
make_room() {
    needed=$(cat "$archive/needed" 2>/dev/null)
    while [ "$(du -sk "$archive/wal" | cut -f 1)" -gt "$max_kb" ]; do
        oldest=$(ls "$archive/wal" | grep -E '^[0-9A-F]{24}\.gz$' | sort -k 1.9 | head -n 1)
        [ -n "$oldest" ] || let_go "the archive has no room for it"
        if [ -n "$needed" ] && ! expr "x$(place "$oldest")" \< "x$(place "$needed")" >/dev/null; then
            let_go "the archive is full, and the newest base backup needs all of it"
        fi
        rm -f "$archive/wal/$oldest"
    done
}

if [ -e "$kept" ]; then
    gzip -dc "$kept" 2>/dev/null | cmp -s - "$path" && exit 0
    later "$kept is there and is of another history: have each data directory an archive of its own"
fi
mkdir -p "$archive/wal" || later "$archive/wal can't be made"
gzip -1 -n < "$path" > "$new" && sync "$new" || later "$name can't be written to $archive/wal"
make_room
# A link, unlike a renaming, never replaces what is there.
ln "$new" "$kept" && rm -f "$new" && sync "$archive/wal" || later "$name can't be put into $archive/wal"
