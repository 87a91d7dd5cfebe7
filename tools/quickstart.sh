#!/usr/bin/env bash
# `python -m mmseg_rppgd quickstart` in an environment that is made when there
# is none: train, harden, attack and report a small PSPNet, on CPU and without
# data, in about five minutes on two cores.
#
#   tools/quickstart.sh [FOLDER]     (default: work_dirs/quickstart)
set -euo pipefail

if [ $# -gt 1 ] || [[ "${1:-}" == -* ]]; then
    echo "usage: $0 [FOLDER]   (default: work_dirs/quickstart)" >&2
    exit 2
fi
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
out="$(mkdir -p "${1:-work_dirs/quickstart}" &&
    cd "${1:-work_dirs/quickstart}" && pwd -P)"
# shellcheck source=tools/setup_env.sh
source "$root/tools/setup_env.sh"
cd "$root"
exec python -m mmseg_rppgd quickstart "$out"
