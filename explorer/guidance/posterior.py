"""Linear inverse problems of a Gaussian mixture in closed form."""

from __future__ import annotations

import numpy as np

from explorer.data.distributions.mixture import Mixture

#: Components of less weight than this, relative to the largest, are left out.
NEGLIGIBLE = 1e-12


def conditioned(mixture: Mixture, direction: tuple[float, ...], value: float, std: float = 0.0) -> Mixture:
    """p_0(x | aᵀx + std n = value), a = `direction` of length 1, n standard normal: again a mixture.

    Component by component it is the Kalman update: with v_k = aᵀS_k a + std² the weight becomes
    w_k N(value; aᵀm_k, v_k), the mean m_k + S_k a (value - aᵀm_k)/v_k and the covariance
    S_k - S_k a aᵀS_k/v_k. With std = 0 the law lies on the line aᵀx = value, on which its covariances are flat.
    """
    a = np.asarray(direction, np.float64)
    covariances = _covariances(mixture)
    gain = covariances @ a  # S_k a, (k, d)
    v = gain @ a + std**2
    surprise = value - mixture.means @ a
    with np.errstate(divide="ignore"):
        log_w = np.log(mixture.weights) - 0.5 * (surprise**2 / v + np.log(v))
    w = np.exp(log_w - log_w.max())
    k = w > NEGLIGIBLE
    means = mixture.means + gain * (surprise / v)[:, None]
    left = covariances - gain[:, :, None] * gain[:, None, :] / v[:, None, None]
    labels = None if mixture.labels is None else mixture.labels[k]
    return Mixture.of_covariances(w[k], means[k], left[k], labels, mixture.label_names)


def _covariances(mixture: Mixture) -> np.ndarray:
    """S_k (k, d, d)."""
    axes = np.eye(mixture.dim) if mixture.axes is None else mixture.axes
    spread = axes * mixture.scales[:, None, :]
    return np.asarray(spread @ np.swapaxes(spread, 1, 2))
