"""The setting of SemSegBench: linf, 8/255, step 0.01, 20 steps."""
# Its published mIoU of stock MMSegmentation checkpoints stands beside ours:
# the cheapest external check. Compare the clean numbers first: they tell
# whether it is the same checkpoint.
setting = dict(norm='linf', eps='8/255', alpha=0.01, steps=20)
robustness = dict(
    eps=['8/255'],
    attacks=[
        dict(attack=dict(type='PGD', alpha=0.01), steps=[20]),
        dict(attack=dict(type='SegPGD', alpha=0.01), steps=[20]),
        dict(attack=dict(type='CosPGD', alpha=0.01), steps=[20]),
    ],
    published=[
        dict(
            source='SemSegBench', metric='mIoU', setting=setting,
            config='pspnet_r50-d8_4xb2-80k_cityscapes-512x1024',
            clean=78.66, CosPGD=0.01, SegPGD=0.33, PGD=0.72),
        dict(
            source='SemSegBench', metric='mIoU', setting=setting,
            config='deeplabv3_r50-d8_4xb2-80k_cityscapes-512x1024',
            clean=79.29, CosPGD=0.03, SegPGD=0.29, PGD=0.65),
        dict(
            source='SemSegBench', metric='mIoU', setting=setting,
            config='pspnet_r50-d8_4xb4-40k_voc12aug-512x512',
            clean=77.29, CosPGD=0.03, SegPGD=1.46, PGD=4.15),
        dict(
            source='SemSegBench', metric='mIoU', setting=setting,
            config='deeplabv3_r50-d8_4xb4-40k_voc12aug-512x512',
            clean=77.68, CosPGD=0.02, SegPGD=1.04, PGD=3.61),
        dict(
            source='SemSegBench', metric='mIoU', setting=setting,
            config='pspnet_r50-d8_4xb4-160k_ade20k-512x512',
            clean=42.48, CosPGD=0.0, SegPGD=0.30, PGD=1.25),
        dict(
            source='SemSegBench', metric='mIoU', setting=setting,
            config='segformer_mit-b0_8xb2-160k_ade20k-512x512',
            clean=37.41, CosPGD=0.0, SegPGD=0.09, PGD=0.46),
    ])
