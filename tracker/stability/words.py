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
    "pitch_beside_nods_deg": "pitch that follows the jaw beside the nods that parallax shows: std, degrees",
    "jaw_frames": "frames in which the jaw is open",
    "turn_gain": "gain",
    "turn_rest_deg": "what is left besides, degrees",
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
    "one's. Nodding, shaking: the photograph's head turns about its neck by 4 degrees at 0.8 Hz and 1.5 at 1.9 Hz, "
    "drawn by the head model's depths. Compare within a row only: other pictures give other numbers."
)
PLANE_NOTE = (
    "Every dot is one strength of a filter on the same raw results: left is calmer, down is earlier. The lines join "
    "what no other strength beats in both; large dots are what ships. Point at a dot for its setting. On the "
    "right the same near no lag at all."
)
NOD_NOTE = (
    "Lag and gain are fitted together. A gain below 1 with no filter is the network's: it sees less of so small a turn "
    "than there is; where pixels carry the pose they know better. MediaPipe's angles: the rotation that takes our mean "
    "head's points above the mouth to its own."
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
    "Clips are split by a hash of their names. Constants were tuned on the half 'tune'; the last ones with "
    "the project's clips of both halves in view, so that only clips of your own are held out. "
    "A dash: nothing to measure (nobody talked, nobody blinked, or MediaPipe found no face). Calm that is bought by "
    "staying behind shows in the last columns: lag, and distance from the same tracker's own unfiltered points. The "
    "zero-phase smoother knows what comes later. Eyelids' amplitude: open minus shut, mean of all closures that our "
    "raw points show, in % of the distance between the eyes. Beside true nods: the pitch is fitted by the jaw and by "
    "the pitch that the parallax of the face's pixels shows, together; what the second explains is no leak of the "
    "first. Where the jaw hardly opens there is little to be told."
)
OWN_NOTE = (
    "How much the head itself accelerates, by the picture alone: its motion is measured twice, by pixels that the two "
    "do not share, so that the noise of one falls out of their product; a similarity, without turns from and to the "
    "camera and without expression. Only frames in which it could be told. Where it is above the wanted share of "
    "MediaPipe's, nothing that stays with the head can have less. The last columns, and the curve of each clip, say "
    "what less costs: of all linear filters of 12 frames the one that stays nearest to that clip's head, how far "
    "behind it landmarks are then, in the head's own strides from frame to frame (a delay of half a frame is 0.5), and "
    "how late the same filter is on the 40 px wave, where the default is held to 0.10 frames."
)
AHEAD_NOTE = (
    "The default filter set to give the pose as it will be when it is on the screen (filter.ahead_ms): a lag below "
    "zero is time won, what it costs is calm and overshoot. Expressions are not looked ahead for."
)
CLIP_NOTE = (
    "Only frames where every contestant has a face. Lag, jerk and eyelids are relative to the same tracker's own "
    "unfiltered points. Left: the three seconds in which the head is calmest. Right: the pitch of the whole clip, "
    "which talking and blinking must not move; MediaPipe's is that of the rotation which fits our mean head's "
    "points to its own. Below: how little of the head's own acceleration a filter can leave at what distance from the "
    "head; straight: what is wanted."
)
