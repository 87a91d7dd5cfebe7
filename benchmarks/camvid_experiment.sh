#!/usr/bin/env bash
# Train PSPNet-R18 on CamVid at 120x160, standard and RP-PGD3-AT (half and
# fully adversarial), and test all three: the tables of docs/results.md.
#
#   benchmarks/camvid_experiment.sh DATA_ROOT OUT [train|test|all]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

data="$(cd "$1" && pwd)"
out="$2"
stage="${3:-all}"
model=r18-d8_1xb6-500_camvid-120x160
standard="configs/standard/pspnet_standard_$model.py"
half="configs/rppgd3_at/pspnet_rppgd3-at_$model.py"
full="configs/rppgd3_at/pspnet_rppgd3-at-full_$model.py"
roots=(train_dataloader.dataset.data_root="$data"
       val_dataloader.dataset.data_root="$data"
       test_dataloader.dataset.data_root="$data")

train() {  # NAME CONFIG [OPTIONS]
    [ -f "$out/$1/iter_500.pth" ] ||
        python tools/train.py "$2" --work-dir "$out/$1" \
            --cfg-options randomness.seed=0 "${roots[@]}" "${@:3}"
}

attack() {  # NAME CONFIG REPORT ATTACKS STEPS...
    python tools/robust_test.py "$2" "$out/$1/iter_500.pth" \
        --out "$out/$1/$3" --attacks $4 --steps "${@:5}" --limit 24 --resume \
        --cfg-options "${roots[@]}"
}

if [ "$stage" != test ]; then
    train standard "$standard"
    train half "$half" load_from="$out/standard/iter_500.pth"
    train full "$full" load_from="$out/standard/iter_500.pth"
fi
if [ "$stage" != train ]; then
    for name in standard half full; do
        attack "$name" "${!name}" steps 'PGD SegPGD CosPGD RPPGD' \
            3 10 20 40 100
    done
fi
