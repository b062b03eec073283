#!/bin/sh
# Compares the parts beside this script with their hashes, and unpacks them: sh join.sh [FOLDER]. Default: joined, beside the script. What is unpacked already, of the same parts, is left.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:-$here/joined}
mkdir -p "$target/.joined"
target=$(cd "$target" && pwd)
cd "$here"
for list in *.sha256; do
  if [ ! -e "$list" ]; then
    echo "join.sh: there is no archive beside $0" >&2
    exit 1
  fi
  name=${list%.sha256}
  if cmp -s "$list" "$target/.joined/$list"; then
    echo "$name: there already"
    continue
  fi
  if ! sha256sum --quiet -c "$list"; then
    echo "join.sh: parts of $name are missing or damaged (see above): copy them again" >&2
    exit 1
  fi
  sed 's/^[0-9a-f]*  //' "$list" | sort | xargs cat | tar -xz -C "$target"
  cp "$list" "$target/.joined/$list"
  echo "$name: unpacked"
done
cp run.sh "$target/run.sh"
echo "Now: sh $target/run.sh"
