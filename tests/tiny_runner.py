"""A real Runner on a tiny model and a dataset made of nothing."""
import copy
from contextlib import contextmanager

from mmengine.config import ConfigDict
from mmengine.optim import OptimWrapper
from mmengine.registry import DATASETS, OPTIM_WRAPPERS, init_default_scope
from mmengine.runner import Runner, autocast
from tiny_segmentors import NUM_CLASSES, sample, segmentor_cfg
from torch.utils.data import Dataset

CLASSES = tuple('abcd')


@DATASETS.register_module(force=True)
class TinyDataset(Dataset):
    """Loader inputs and data samples that depend on the index alone."""

    metainfo = dict(classes=CLASSES, palette=[[i] * 3 for i in range(4)])
    ignore_index = 255

    def __init__(self, length=4, label_size=None, bad_label=None):
        self.length = length
        self.label_size = label_size
        self.bad_label = bad_label

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        inputs, data_sample = sample(
            label_size=self.label_size, seed=index, num_classes=NUM_CLASSES)
        if self.bad_label is not None:
            data_sample.gt_sem_seg.data[0, 5, 5] = self.bad_label
        return dict(inputs=inputs, data_samples=data_sample)


@OPTIM_WRAPPERS.register_module(force=True)
class CPUAmpOptimWrapper(OptimWrapper):
    """What AmpOptimWrapper does, which mmengine forbids on a CPU."""

    @contextmanager
    def optim_context(self, model):
        with super().optim_context(model), autocast('cpu'):
            yield


def wrapped(attack=None, segmentor=None, **kwargs):
    """Config of an AdversarialSegmentor."""
    return dict(
        type='mmseg_rppgd.AdversarialSegmentor',
        segmentor=segmentor or segmentor_cfg(),
        attack=attack or dict(type='PGD', steps=1), **kwargs)


def loader(batch_size, sampler='DefaultSampler', **dataset):
    """Config of a loader."""
    return dict(
        batch_size=batch_size, num_workers=0,
        dataset=dict(type='mmengine.TinyDataset', **dataset),
        sampler=dict(type=sampler, shuffle=False),
        collate_fn=dict(type='pseudo_collate'))


def runner_cfg(work_dir, model=None, max_iters=2, hooks=(), val_interval=99,
               checkpoint=(), train=(), val=(), **kwargs):
    """Everything that a Runner needs."""
    cfg = dict(
        model=model or segmentor_cfg(),
        work_dir=str(work_dir),
        train_dataloader=loader(2, 'InfiniteSampler', **dict(train)),
        val_dataloader=loader(1, **dict(val)),
        test_dataloader=loader(1, **dict(val)),
        train_cfg=dict(
            type='IterBasedTrainLoop', max_iters=max_iters,
            val_interval=val_interval),
        val_cfg=dict(),
        test_cfg=dict(),
        val_evaluator=dict(type='IoUMetric'),
        test_evaluator=dict(type='IoUMetric'),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.05)),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            checkpoint=dict(
                dict(type='CheckpointHook', by_epoch=False, interval=max_iters
                     ), **dict(checkpoint))),
        custom_hooks=list(hooks),
        randomness=dict(seed=0),
        default_scope='mmseg',
        experiment_name=f'tiny_{TinyRunner.count}',
        log_level='ERROR')
    TinyRunner.count += 1
    cfg.update(kwargs)
    return ConfigDict(copy.deepcopy(cfg))


class TinyRunner:
    """Counts runners, since mmengine wants a name for each."""
    count = 0


def make_runner(work_dir, *args, **kwargs):
    """Build a Runner."""
    init_default_scope('mmseg')
    import mmseg.engine  # noqa: F401
    import mmseg.evaluation  # noqa: F401
    cfg = runner_cfg(work_dir, *args, **kwargs)
    return Runner.from_cfg(cfg)


def scalars(runner, name):
    """Return the values logged under a name."""
    return runner.message_hub.get_scalar(name).data[0].tolist()
