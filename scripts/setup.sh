# set_up CHECKOUT EXTRA: make CHECKOUT/.venv hold nnrep (editable) with the optional dependencies EXTRA
# (may be empty), as pyproject.toml asks. A second call finds a stamp and does nothing.

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
        if command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    echo "nnrep: needs Python 3.11 or newer; name one with PYTHON=/path/to/python3" >&2
    return 2
}

make_environment() {
    local python=$1 venv=$2
    # Some distributions ship venv without ensurepip: then pip installs from outside.
    "$python" -m venv "$venv" >/dev/null 2>&1 ||
        "$python" -m venv --clear --without-pip "$venv"
}

install_into() {
    local python=$1 venv=$2 target=$3
    if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        "$venv/bin/python" -m pip install -qq --disable-pip-version-check --editable "$target"
    else
        "$python" -m pip --python "$venv/bin/python" install -qq --disable-pip-version-check \
            --editable "$target"
    fi
}

set_up() {
    local checkout=$1 extra=$2 venv=$1/.venv python wanted
    wanted=$(cksum <"$checkout/pyproject.toml")
    # The environment with the test tools serves the plain command as well.
    local stamp
    for stamp in "$venv/.nnrep-$extra" "$venv/.nnrep-dev"; do
        [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted $checkout" ] && return
    done
    # Two first calls at a time: the second waits for the first.
    if command -v flock >/dev/null; then
        exec 9>"$checkout/.venv.lock"
        flock 9
        for stamp in "$venv/.nnrep-$extra" "$venv/.nnrep-dev"; do
            [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted $checkout" ] && { exec 9>&-; return; }
        done
    fi
    python=$(find_python)
    echo "nnrep: setting up $venv (once; a minute or two)" >&2
    [ -x "$venv/bin/python" ] && [ "$(cat "$venv/.nnrep-home" 2>/dev/null)" = "$checkout" ] ||
        { rm -rf "$venv" && make_environment "$python" "$venv"; }
    install_into "$python" "$venv" "$checkout${extra:+[$extra]}"
    echo "$checkout" >"$venv/.nnrep-home"
    echo "$wanted $checkout" >"$venv/.nnrep-$extra"
    [ -e "$checkout/.venv.lock" ] && exec 9>&- || true
}
