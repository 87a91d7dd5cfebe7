"""How every checkpoint comes in: one loader, without running its code."""
from .files import file_sha256, local_file
from .loader import checkpoint_sha256, load_checkpoint
from .restricted import require_this_loader, restricted_loading
from .start import StartFits
from .weights import check_start, check_weights, drop_branches

__all__ = [
    'StartFits', 'check_start', 'check_weights', 'checkpoint_sha256',
    'drop_branches', 'file_sha256', 'load_checkpoint', 'local_file',
    'require_this_loader', 'restricted_loading'
]
