"""RP-PGD written down line by line from the paper, slow and apart.

Loops over images, classes and pairs; features are upsampled to label size.
It shares no code with the package.
"""
import itertools

import torch
import torch.nn.functional as F


def prototype_loss(features, labels, region, size, align_corners=False,
                   upsample=None):
    """Eq. 5 and 6 for one image: features (D, h, w), labels (H, W)."""
    if upsample is None:
        full = F.interpolate(
            features[None],
            size=size,
            mode='bilinear',
            align_corners=align_corners)[0]
    else:
        full = upsample(features[None])[0]
    prototypes = []
    for c in range(int(labels.max()) + 1):
        chosen = (labels == c) & region
        if chosen.any():
            prototypes.append(full[:, chosen].mean(1))
    count = len(prototypes)
    if count < 2:
        return full.sum() * 0
    total = 0.
    for i, j in itertools.permutations(range(count), 2):
        total = total + (prototypes[i] @ prototypes[j]) / (
            prototypes[i].norm() * prototypes[j].norm())
    return total / (count * (count - 1) / 2)


def attack_one(model, image, label, start, *, eps, alpha, steps, beta,
               ignore_index=255, prototype_regions='T', regions='TBF',
               weights=None, cosine=False, norm='linf'):
    """Algorithm 1 for one image (3, H, W), its label (H, W) and x_adv_0."""
    labelled = label != ignore_index
    num = labelled.sum()
    target = label.clone()
    target[~labelled] = 0
    with torch.no_grad():
        clean_right = model(image[None]).logits[0].argmax(0) == target
    ever_wrong = torch.zeros_like(labelled)
    adv = start
    for i in range(1, steps + 1):
        x = adv.clone().requires_grad_()
        output = model(x[None])
        logits = output.logits[0]
        right = logits.argmax(0) == target
        if i > 1:
            ever_wrong = ever_wrong | ~right
        areas = {
            'T': labelled & clean_right & ~ever_wrong,
            'B': labelled & clean_right & ever_wrong,
            'F': labelled & ~clean_right,
        }
        l1, l2, l3 = weights(i, steps) if weights else (
            (2 * steps - i) / (2 * steps), (i - 1) / (2 * steps),
            1 / (2 * steps))
        log_p = logits.log_softmax(0)
        ce = -log_p.gather(0, target[None])[0]
        if cosine:
            p = log_p.detach().exp()
            ce = ce * p.gather(0, target[None])[0] / p.norm(dim=0)
        region_loss = 0.
        for name, weight in zip('TBF', (l1, l2, l3)):
            if name in regions:
                region_loss = region_loss + weight * ce[areas[name]].sum()
        loss = beta * region_loss / num
        if beta < 1:
            union = torch.zeros_like(labelled)
            for name in prototype_regions:
                union = union | areas[name]
            loss = loss + (1 - beta) * prototype_loss(
                output.features[0], target, union, label.shape)
        grad, = torch.autograd.grad(loss, x)
        if norm == 'l2':
            delta = adv + alpha * grad / max(grad.norm(), 1e-300) - image
            delta = delta * min(1., eps / delta.norm())
        else:
            delta = (adv + alpha * grad.sign() - image).clamp(-eps, eps)
        adv = (image + delta).clamp(0, 1)
    return adv
