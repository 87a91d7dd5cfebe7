#!/usr/bin/env bash
# Run the whole test suite, in an environment that is made when there is none.
#
#   tools/run_tests.sh [arguments for pytest]
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
# shellcheck source=tools/setup_env.sh
source "$root/tools/setup_env.sh"
cd "$root"
# The models of the tests are tiny: more threads only get in each other's way.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
# A file of tests stays in one process: its tests share what they prepare.
exec python -m pytest -n auto --maxprocesses 4 --dist loadfile "$@"
