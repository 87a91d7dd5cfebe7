#!/usr/bin/env bash
# Train, harden, attack and report a small PSPNet, on CPU and without data:
# about five minutes on two cores, after an environment is made where there is
# none.
#
#   tools/quickstart.sh [FOLDER]     (default: work_dirs/quickstart)
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
out="$(mkdir -p "${1:-work_dirs/quickstart}" &&
    cd "${1:-work_dirs/quickstart}" && pwd -P)"
# shellcheck source=tools/setup_env.sh
source "$root/tools/setup_env.sh"
cd "$root"
SECONDS=0  # the installation does not count

# The model is tiny: a second thread gains little, and waits for the first at
# a high price wherever something else runs.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

# mmseg warns about its own deprecated calls, and nobody can act on that here.
export PYTHONWARNINGS="${PYTHONWARNINGS:-ignore::UserWarning}"

say() { printf '\n[quickstart] %s\n' "$*"; }

# Of a training log, the lines that say how far it is.
show_progress() {
    local line
    local pattern='Iter\(train\) *(\[.*\]) .* eta: ([0-9:]+) .* loss: ([0-9.]+)'
    while IFS= read -r line; do
        [[ "$line" =~ $pattern ]] &&
            printf '  iteration %s  loss %s  left %s\n' \
                "${BASH_REMATCH[1]}" "${BASH_REMATCH[3]}" "${BASH_REMATCH[2]}"
    done
    return 0
}

# Train NAME CONFIG [SETTING]...: the whole log goes to a file.
train() {
    local name="$1" config="$2"
    shift 2
    python tools/train.py "$config" --work-dir "$out/$name" \
        --cfg-options default_hooks.logger.interval=100 "$@" 2>&1 |
        tee "$out/$name.log" | show_progress || {
        tail -n 20 "$out/$name.log" >&2
        say "training failed; the whole log is $out/$name.log"
        exit 1
    }
}

# Test NAME CONFIG CHECKPOINT
robust_test() {
    python tools/robust_test.py "$2" "$3" --work-dir "$out/$1" \
        --attacks PGD SegPGD CosPGD RPPGD --eps 0.03 --steps 10 \
        --limit 48 --out "$out/$1/robust"
}

shapes=synthetic-shapes-64x64
standard=configs/standard/pspnet_standard_r18-d8_1xb16-800_$shapes.py
hardened=configs/rppgd3_at/pspnet_rppgd3-at_r18-d8_1xb16-300_$shapes.py

say '[1/4] A PSPNet learns to segment textured shapes.'
train standard "$standard"

say '[2/4] From there, RP-PGD3-AT: half of each batch is attacked by RP-PGD.'
train rppgd3-at "$hardened" "load_from=$out/standard/iter_800.pth"

say '[3/4] Both models under four attacks: eps 0.03, 10 steps.'
robust_test standard "$standard" "$out/standard/iter_800.pth"
robust_test rppgd3-at "$hardened" "$out/rppgd3-at/iter_300.pth"

say '[4/4] What adversarial training bought:'
python tools/compare.py "standard=$out/standard/robust" \
    "RP-PGD3-AT=$out/rppgd3-at/robust"
echo "
Pictures (image, perturbation, clean prediction, attacked prediction, truth):
  $out/standard/robust/panels/
  $out/rppgd3-at/robust/panels/
Reports: report.html, table.md and results.json in the folders above them.
Checkpoints that plain mmseg loads:
  $out/standard/iter_800.pth
  $out/rppgd3-at/iter_300.pth
It took $((SECONDS / 60)) min $((SECONDS % 60)) s."
