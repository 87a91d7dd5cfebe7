# Source this file: afterwards `python` is one that has mmseg_rppgd and all it
# needs. The first time that takes minutes, later it takes a second.
#
#   source tools/setup_env.sh
#
# An active virtual or conda environment is used as it is: only what is
# missing is installed into it, and a torch that is there stays. Without one,
# .venv is made in this folder with the versions of requirements/known_good.txt.
# PYTHON names the interpreter that makes .venv (default: python3).

_rppgd_say() { printf '[setup] %s\n' "$*" >&2; }

_rppgd_pip() {
    python -m pip install --disable-pip-version-check "$@" && return 0
    _rppgd_say "pip could not install: $*"
    _rppgd_say 'Its own message is above. Usual causes: no network, a proxy,'
    _rppgd_say 'a full disk, or a Python without wheels for a package.'
    return 1
}

_rppgd_python_is() { python -c "import sys; sys.exit(not ($1))"; }

# Whether `python` is that of an environment. Its file says nothing: in an
# environment it is a link to a python that others have too.
_rppgd_python_of() {
    [ -n "${1:-}" ] &&
        [ "$(python -c 'import sys; print(sys.prefix)')" -ef "$1" ]
}

# Refuse to install into another python than that of the active environment.
_rppgd_check_active() {
    local conda=
    [ "${CONDA_DEFAULT_ENV:-base}" = base ] || conda="${CONDA_PREFIX:-}"
    if ! command -v python >/dev/null; then
        _rppgd_say "the active environment ${VIRTUAL_ENV:-$conda} has no" \
            'python on PATH'
    elif _rppgd_python_of "${VIRTUAL_ENV:-}" || _rppgd_python_of "$conda"
    then
        return 0
    else
        _rppgd_say "the active environment is ${VIRTUAL_ENV:-$conda}, but" \
            "python is $(command -v python), which belongs to" \
            "$(python -c 'import sys; print(sys.prefix)'): nothing was" \
            'installed'
    fi
    _rppgd_say 'Activate the environment again, or leave it (deactivate, or' \
        'unset VIRTUAL_ENV) to have .venv made here.'
    return 1
}

# What is missing, one name per line. Looks without importing: it is quick.
_rppgd_missing() {
    python - "$1" <<'PY'
import os
import sys
from importlib.util import find_spec

root = os.path.realpath(sys.argv[1])
if sys.path[0] == '':  # the current folder is no installation
    del sys.path[0]
needed = ['torch', 'mmcv', 'mmengine', 'mmseg', 'ftfy', 'regex',
          'pkg_resources', 'pytest', 'xdist', 'hypothesis', 'tensorboard',
          'transformers', 'tqdm', 'adv_lib']
for name in needed:
    if find_spec(name) is None:
        print(name)
spec = find_spec('mmseg_rppgd')
here = spec and spec.origin and os.path.realpath(
    os.path.dirname(os.path.dirname(spec.origin)))
if here != root:
    print('mmseg_rppgd')
PY
}

_rppgd_make_venv() {
    local python="${PYTHON:-python3}" venv="$1"
    if ! command -v "$python" >/dev/null; then
        _rppgd_say "$python was not found. Install Python 3.8 or later, or" \
            'set PYTHON to one.'
        return 1
    fi
    _rppgd_say "no environment is active: making $venv"
    if ! "$python" -m venv "$venv"; then
        rm -rf "$venv"
        _rppgd_say 'venv failed. On Debian or Ubuntu: apt install python3-venv'
        return 1
    fi
}

_rppgd_setup() {
    local root="$1" missing own=no
    if [ -z "${VIRTUAL_ENV:-}" ] &&
        [ "${CONDA_DEFAULT_ENV:-base}" = base ]; then
        # A .venv without python is left over from an interrupted run.
        [ -x "$root/.venv/bin/python" ] ||
            _rppgd_make_venv "$root/.venv" || return 1
        # shellcheck disable=SC1091
        . "$root/.venv/bin/activate" || return 1
        if ! _rppgd_python_of "$root/.venv"; then
            _rppgd_say "$root/.venv was made elsewhere: delete it, run again"
            return 1
        fi
    else
        _rppgd_check_active || return 1
    fi
    [ "${VIRTUAL_ENV:-}" = "$root/.venv" ] && own=yes

    missing="$(_rppgd_missing "$root")" || return 1
    [ -z "$missing" ] && return 0
    # shellcheck disable=SC2086
    _rppgd_say "installing into $(python -c 'import sys; print(sys.prefix)'):" \
        $missing
    if printf '%s\n' "$missing" | grep -qx torch; then
        _rppgd_say '[1/3] torch (the largest part)'
        if _rppgd_python_is 'sys.version_info >= (3, 10)'; then
            _rppgd_pip torch==2.13.0 || return 1
        else
            _rppgd_pip 'torch>=2.0' || return 1
        fi
    else
        _rppgd_say '[1/3] torch is there and stays'
    fi
    _rppgd_say '[2/3] the OpenMMLab packages'
    if [ "$own" = yes ] && _rppgd_python_is 'sys.version_info >= (3, 11)'
    then
        _rppgd_pip -r "$root/requirements/known_good.txt" || return 1
    else
        _rppgd_pip -r "$root/requirements/runtime.txt" \
            -r "$root/requirements/test.txt" || return 1
        if printf '%s\n' "$missing" | grep -qx mmcv; then
            _rppgd_pip -r "$root/requirements/lite.txt" || return 1
        fi
    fi
    # Not with its dependencies: requirements/runtime.txt says why.
    _rppgd_pip --no-deps adv-lib==0.2.8 || return 1
    _rppgd_say '[3/3] mmseg_rppgd, from this folder'
    _rppgd_pip --no-deps -e "$root" || return 1

    missing="$(_rppgd_missing "$root")" || return 1
    if [ -n "$missing" ]; then
        # shellcheck disable=SC2086
        _rppgd_say 'still missing after the installation:' $missing
        return 1
    fi
    _rppgd_say 'done'
}

_rppgd_setup "$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
