"""What the report says in words: the names of measures, and what is to be known about every section."""

from __future__ import annotations

LABELS = {
    "found": "share of frames with a face",
    "std": "std, %",
    "acceleration": "acceleration (second difference), %",
    "residual": "residual to a 7-frame quadratic, %",
    "jerk_ratio": "jerk over unfiltered",
    "lag_ms": "lag, ms",
    "lag_frames": "lag, frames",
    "residual_px": "residual, px",
    "pitch_std_deg": "pitch: std, degrees",
    "blink_kept": "eyelids' amplitude kept",
    "blink_way": "eyelids' amplitude in the closures of our raw points, %",
    "pitch_with_jaw_deg": "pitch that follows the jaw: std, degrees",
    "pitch_kept": "the same over unfiltered",
    "pitch_with_lids_deg": "pitch that follows the eyelids: std, degrees",
    "behind": "distance from its own unfiltered points, %",
    "behind_p95": "the same, 95 of 100 frames within, %",
    "overshoot": "overshoot, %",
    "settling_s": "settling, s",
    "bias": "bias (what is slower than a second), %",
    "noise": "noise, %",
}
MARKS_NOTE = (
    "68 points; % is of the distance between the eyes' centres. Still: one photograph, fresh noise of 5 levels, 150 "
    "frames, the first 30 left out. Wave: shifted by 40 sin(2πt/45) px, noise of 2 levels, 225 frames, the first 45 "
    "left out; sine, cosine and constant fitted. Talking: the head model opens and shuts the photograph's jaw and "
    "moves nothing else, so a pitch that follows the jaw is an error; its standard deviation over the unfiltered "
    "one's. Compare within a row only: other pictures give other numbers."
)
PLANE_NOTE = (
    "Every dot is one strength of a filter on the same raw results: left is calmer, down is earlier. The lines join "
    "what no other strength beats in both; large dots are what ships. Point at a dot for its setting. On the "
    "right the same near no lag at all."
)
BODE_NOTE = (
    "40 px up to 2 Hz, 15 px at 4 Hz, 4 px at 7.5 Hz. Gain 1 and phase 0 would be perfect; a delay of one frame is a "
    "phase of -12 degrees at 1 Hz. Where less than a twentieth of the wave is left it has no phase."
)
KNOWN_NOTE = (
    "The error against the exact motion of every frame, split into bias (what changes more slowly than a second), lag "
    "and noise. The curves show all of it, of one landmark; raw, the default and MediaPipe with its filter."
)
FILM_NOTE = (
    "Each dot is a landmark's displacement from its local mean, ten times as long as it is. The files lie beside this "
    "page."
)
CLIPS_NOTE = (
    "Clips are split by a hash of their names. Constants were tuned on the half 'tune' only; judge by 'report'. "
    "A dash: nothing to measure (nobody talked, nobody blinked, or MediaPipe found no face). Calm that is bought by "
    "staying behind shows in the last columns: lag, and distance from the same tracker's own unfiltered points. The "
    "zero-phase smoother knows what comes later. Eyelids' amplitude: open minus shut, mean of all closures that our "
    "raw points show, in % of the distance between the eyes."
)
AHEAD_NOTE = (
    "The default filter set to give the pose as it will be when it is on the screen (filter.ahead_ms): a lag below "
    "zero is time won, what it costs is calm and overshoot. Expressions are not looked ahead for."
)
CLIP_NOTE = (
    "Only frames where every contestant has a face. Lag, jerk and eyelids are relative to the same tracker's own "
    "unfiltered points. Left: the three seconds in which the head is calmest. Right: the pitch of the whole clip, "
    "which talking and blinking must not move; MediaPipe's landmarks come without one."
)
