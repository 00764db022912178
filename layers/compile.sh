#!/bin/sh
# Compiles a layer's modules for the runtime: compile.sh <artifacts folder> <python> [<version of the runtime>].
# `compile.sh --find <python> <version>` prints the interpreter that it would use, or nothing.
#
# A layer is read-only in Lambda: without bytecode each cold start compiles all that it imports. "unchecked-hash" makes the
# result independent of the files' times, so that an unchanged layer stays unchanged, and spares a look at each source.
# Bytecode fits one version of Python. Where that version is missing, the layer works without, and functions start later.
set -eu
folder=$1 given=$2 version=${3:-}

list_pythons() {
    printf '%s\n' "$given" "python$version"
    if [ -n "$version" ]; then
        uv python find --no-python-downloads "$version" 2>/dev/null || true
        "$(dirname "$given")/uv" python find --no-python-downloads "$version" 2>/dev/null || true
        printf '%s/bin/python\n' "$(pyenv prefix "$(pyenv latest "$version" 2>/dev/null)" 2>/dev/null)"
    fi
}

find_python() {
    list_pythons | while IFS= read -r python; do
        found=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        if [ "$found" = "${version:-$found}" ]; then
            printf '%s\n' "$python"
            break
        fi
    done
}

python=$(find_python)
if [ "$folder" = --find ]; then
    printf '%s\n' "$python"
elif [ -n "$python" ]; then
    PYTHONHASHSEED=0 "$python" -m compileall -q --invalidation-mode unchecked-hash -s "$folder" -p /opt "$folder/python"
else
    echo "compile.sh: there is no Python $version here: the layer has no bytecode; with it, build again with --no-cached" >&2
fi
