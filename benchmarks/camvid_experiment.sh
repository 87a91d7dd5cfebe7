#!/usr/bin/env bash
# Train PSPNet-R18 on CamVid at 120x160, standard and RP-PGD3-AT (half and
# fully adversarial), and test all three: the tables of docs/results.md.
#
#   benchmarks/camvid_experiment.sh DATA_ROOT OUT [train|test|reliable|all]
#   MODEL=r18-w32-d8 ... takes a ResNet-18 of half the width
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

data="$(cd "$1" && pwd)"
out="$2"
stage="${3:-all}"
model=${MODEL:-r18-d8}_1xb6-500_camvid-120x160
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

robust_test() {  # NAME CONFIG REPORT [OPTIONS]
    python tools/robust_test.py "$2" "$out/$1/iter_500.pth" \
        --out "$out/$1/$3" --resume "${@:4}" --cfg-options "${roots[@]}"
}

case "$stage" in train | all)
    train standard "$standard"
    train half "$half" load_from="$out/standard/iter_500.pth"
    train full "$full" load_from="$out/standard/iter_500.pth"
esac
for name in standard half full; do
    case "$stage" in test | all)
        robust_test "$name" "${!name}" steps --limit 24 \
            --attacks PGD SegPGD CosPGD RPPGD --steps 3 10 20 40 100
    esac
    case "$stage" in reliable | all)
        robust_test "$name" "${!name}" reliable-mini --limit 8 \
            --suite reliable-mini
    esac
done
