#!/usr/bin/env bash
# Run a tool in several processes on this machine, one per GPU, or on CPU.
#
#   tools/launch.sh NPROC tools/train.py CONFIG [its other arguments]
#   tools/launch.sh NPROC -m mmseg_rppgd robust-test CONFIG CHECKPOINT ...
#   NNODES=2 NODE_RANK=0 MASTER_ADDR=10.0.0.1 tools/launch.sh 8 tools/...
#
# On a Slurm cluster start the tool itself: srun python tools/train.py CONFIG
# --launcher slurm
set -euo pipefail

if [ $# -lt 2 ] || ! [[ "$1" =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: $0 NPROC TOOL [ARGUMENTS]   (NPROC is a positive number)" >&2
    exit 2
fi
nproc_per_node="$1"
shift

if [ -z "${OMP_NUM_THREADS:-}" ]; then
    # torchrun gives every process one thread, which wastes cores on CPU.
    cores="$(python -c 'import os; print(os.cpu_count() or 1)')"
    threads=$((cores / nproc_per_node))
    export OMP_NUM_THREADS=$((threads > 0 ? threads : 1))
fi
if [ "${NNODES:-1}" -gt 1 ]; then
    exec python -m torch.distributed.run \
        --nnodes "$NNODES" --node_rank "${NODE_RANK:-0}" \
        --master_addr "${MASTER_ADDR:-127.0.0.1}" \
        --master_port "${MASTER_PORT:-29500}" \
        --nproc_per_node "$nproc_per_node" "$@" --launcher pytorch
fi
# A free port is found by itself, so that two runs do not meet.
exec python -m torch.distributed.run --standalone \
    --nproc_per_node "$nproc_per_node" "$@" --launcher pytorch
