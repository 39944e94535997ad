"""What the desk tool for manipulated faces says, in English and Italian: a weak hint, worded as one."""

from __future__ import annotations

from detectors.messages import Words

FLAGGED = "{above} of {real} real faces scored above the threshold as well, and only {found} of {fakes} manipulated ones did."
FLAGGED_IT = "{above} volti veri su {real} hanno superato la soglia anch'essi, e solo {found} su {fakes} di quelli manipolati l'hanno superata."

WORDS: dict[str, Words] = {
    "title": {"en": "Manipulated faces", "it": "Volti manipolati"},
    "about": {
        "en": "Whether the faces of a picture or a video show signs of blending, retouching or generation: a weak hint, with how often it errs.",
        "it": "Se i volti di un'immagine o di un video mostrano segni di fusione, ritocco o generazione: un indizio debole, con la frequenza dei suoi errori.",
    },
    "deepfake-reading": {"en": "reading the file", "it": "lettura del file"},
    "deepfake-examining": {"en": "examining the faces", "it": "esame dei volti"},
    "deepfake-writing": {"en": "writing the report", "it": "scrittura del referto"},
    "deepfake-sign": {
        "en": "a sign of manipulation was found: a weak hint, no proof",
        "it": "trovato un segno di manipolazione: un indizio debole, non una prova",
    },
    "deepfake-cannot": {"en": "cannot say", "it": "impossibile dire"},
    "deepfake-none": {"en": "no sign of manipulation found: this proves nothing", "it": "nessun segno di manipolazione trovato: ciò non prova nulla"},
    "deepfake-sign-why": {
        "en": "Person {person} scores {score:+.1f}, at or above the threshold of {high:+.1f}. Real faces lie around 0; 1 is the usual spread of theirs.",
        "it": "La persona {person} ha un punteggio di {score:+.1f}, pari o superiore alla soglia di {high:+.1f}. I volti veri stanno attorno a 0; "
        "1 è la loro dispersione abituale.",
    },
    "deepfake-cannot-why": {
        "en": "The highest score is {score:+.1f}, of person {person}. Between {low:+.1f} and {high:+.1f}, real and manipulated faces are too much alike "
        "for an answer.",
        "it": "Il punteggio più alto è {score:+.1f}, della persona {person}. Tra {low:+.1f} e {high:+.1f}, volti veri e manipolati si somigliano troppo "
        "per una risposta.",
    },
    "deepfake-none-why": {
        "en": "The highest score is {score:+.1f}, of person {person}: not above {low:+.1f}, where mostly real faces lie (a sign needs {high:+.1f}).",
        "it": "Il punteggio più alto è {score:+.1f}, della persona {person}: non supera {low:+.1f}, dove stanno per lo più volti veri "
        "(la soglia per un segno è {high:+.1f}).",
    },
    "deepfake-kind-blended": {
        "en": "The strongest trace is that of a part blended in from another face.",
        "it": "La traccia più forte è quella di una parte presa da un altro volto e fusa in questo.",
    },
    "deepfake-kind-edited": {
        "en": "The strongest trace is that of a face put together or retouched by hand.",
        "it": "La traccia più forte è quella di un volto composto o ritoccato a mano.",
    },
    "deepfake-kind-generated": {
        "en": "The strongest trace is that of a wholly generated face; only one generator, StyleGAN2, was learned from.",
        "it": "La traccia più forte è quella di un volto interamente generato; si è imparato da un solo generatore, StyleGAN2.",
    },
    "deepfake-no-face": {
        "en": "No face of at least {pixels} pixels was found, and this tool looks at faces alone. A drawing, a mask or a face from behind is often not found.",
        "it": "Non è stato trovato alcun volto di almeno {pixels} pixel, e questo strumento guarda solo i volti. Un disegno, una maschera o un volto di spalle "
        "spesso non vengono trovati.",
    },
    "deepfake-few": {
        "en": "Fewer than {least} of the frames looked at show person {person}: too few for an answer.",
        "it": "Meno di {least} dei fotogrammi esaminati mostrano la persona {person}: troppo pochi per una risposta.",
    },
    "deepfake-worthless": {
        "en": "On files like this one, real faces score above the threshold about as often as manipulated ones: a high score means nothing here.",
        "it": "Su file come questo, i volti veri superano la soglia all'incirca quanto quelli manipolati: un punteggio alto qui non significa nulla.",
    },
    "deepfake-unlike-picture": {
        "en": "No picture compressed as strongly as this one was ever measured: the figures that follow are too good for it.",
        "it": "Non è mai stata misurata un'immagine compressa così fortemente: le cifre che seguono sono troppo buone per questa.",
    },
    "deepfake-unlike-clip": {
        "en": "No video compressed as this one was ever measured: the figures that follow are of others, and it may be worse here.",
        "it": "Non è mai stato misurato un video compresso come questo: le cifre che seguono sono di altri, e qui può andare peggio.",
    },
    "deepfake-errs-stills-received": {
        "en": f"How often it errs: on stills cut from videos, none of them learned from, {FLAGGED}",
        "it": f"Quanto spesso sbaglia: su fotogrammi tratti da video, mai usati per imparare, {FLAGGED_IT}",
    },
    "deepfake-errs-stills-resaved": {
        "en": f"How often it errs: on stills cut from videos and saved again as JPEG of quality 75, about as this file, {FLAGGED}",
        "it": f"Quanto spesso sbaglia: su fotogrammi tratti da video e risalvati come JPEG di qualità 75, all'incirca come questo file, {FLAGGED_IT}",
    },
    "deepfake-errs-stills-small": {
        "en": f"How often it errs: on stills cut from videos and reduced to half their size, faces about as small as here, {FLAGGED}",
        "it": f"Quanto spesso sbaglia: su fotogrammi tratti da video e ridotti a metà, con volti piccoli all'incirca come qui, {FLAGGED_IT}",
    },
    "deepfake-errs-clips": {
        "en": f"How often it errs: on videos of two seconds (H.264 at CRF 23), none of them learned from, {FLAGGED}",
        "it": f"Quanto spesso sbaglia: su video di due secondi (H.264 a CRF 23), mai usati per imparare, {FLAGGED_IT}",
    },
    "deepfake-errs-none": {
        "en": 'Of the {fakes} manipulated ones, {missed} got the answer "no sign" too.',
        "it": "Dei {fakes} manipolati, {missed} hanno avuto anch'essi la risposta «nessun segno».",
    },
    "deepfake-answers-picture": {
        "en": "Of {files} pictures, about half of them manipulated and each kept apart while the bounds for an answer were chosen, it answered {answered}, "
        "{wrong} of these wrongly; of all others it could not say.",
        "it": "Su {files} immagini, circa metà delle quali manipolate e ognuna tenuta da parte mentre si sceglievano le soglie per una risposta, ha risposto "
        "per {answered}, di cui {wrong} in modo sbagliato; per tutte le altre era impossibile dire.",
    },
    "deepfake-answers-clip": {
        "en": "Of {files} videos, more than half of them manipulated, it answered {answered}, {wrong} of these wrongly; of all others it could not say. "
        "Real ones among them set the bounds: on others it may err more often.",
        "it": "Su {files} video, più della metà dei quali manipolati, ha risposto per {answered}, di cui {wrong} in modo sbagliato; per tutti gli altri era "
        "impossibile dire. Quelli veri fra essi hanno fissato le soglie: su altri può sbagliare più spesso.",
    },
    "deepfake-auc-clip": {
        "en": "On those videos its AUC was {value:.2f} ({low:.2f} to {high:.2f}): how often it rates a manipulated one above a real one; 0.5 is guessing. "
        "Weigh it as a weak hint beside other findings, never alone.",
        "it": "Su quei video la sua AUC era {value:.2f} (da {low:.2f} a {high:.2f}): quanto spesso ne mette uno manipolato sopra uno vero, dove 0,5 è tirare a "
        "indovinare. Va pesata come un indizio debole accanto ad altri elementi, mai da sola.",
    },
    "deepfake-auc-picture": {
        "en": "Its AUC was {value:.2f} ({low:.2f} to {high:.2f}) on stills cut from videos, and {seen_value:.2f} ({seen_low:.2f} to {seen_high:.2f}) on "
        "photographs of the kinds that it learned from: how often it rates a manipulated one above a real one, where 0.5 is guessing. "
        "Weigh it as a weak hint beside other findings, never alone.",
        "it": "La sua AUC era {value:.2f} (da {low:.2f} a {high:.2f}) su fotogrammi tratti da video, e {seen_value:.2f} (da {seen_low:.2f} a {seen_high:.2f}) "
        "su fotografie dei tipi da cui ha imparato: quanto spesso ne mette uno manipolato sopra uno vero, dove 0,5 è tirare a indovinare. "
        "Va pesata come un indizio debole accanto ad altri elementi, mai da sola.",
    },
    "deepfake-many": {
        "en": "Each of the {count} people is judged alone: the more there are, the likelier one of them crosses the threshold by chance.",
        "it": "Ognuna delle {count} persone è giudicata da sola: più sono, più è probabile che una superi la soglia per caso.",
    },
    "deepfake-left-out": {
        "en": ("{count} more person was left out: only {most} are reported.", "{count} more people were left out: only {most} are reported."),
        "it": (
            "{count} altra persona è stata tralasciata: se ne riportano solo {most}.",
            "Altre {count} persone sono state tralasciate: se ne riportano solo {most}.",
        ),
    },
    "deepfake-fooled": {
        "en": "What can fool it: saving again, reduction, strong compression and screenshots hide traces; beauty filters, sharpening, make-up, glasses and "
        "faces seen from the side look like traces.",
        "it": "Che cosa può ingannarlo: risalvataggi, riduzioni, compressione forte e schermate nascondono le tracce; filtri di bellezza, nitidezza aumentata, "
        "trucco, occhiali e volti di lato sembrano tracce.",
    },
    "deepfake-never-measured": {
        "en": "Never measured: pictures of diffusion generators, fakes made after 2020, fakes of a part of a video, and sound.",
        "it": "Mai misurati: immagini di generatori a diffusione, falsi realizzati dopo il 2020, falsi di una parte di un video, e il sonoro.",
    },
    "deepfake-short-sign": {"en": "stands out", "it": "spicca"},
    "deepfake-short-cannot": {"en": "cannot say", "it": "impossibile dire"},
    "deepfake-short-none": {"en": "no sign", "it": "nessun segno"},
    "deepfake-stands-out": {
        "en": "Person {person} scores above the threshold from second {begin:.1f} to {end:.1f}",
        "it": "La persona {person} supera la soglia dal secondo {begin:.1f} al {end:.1f}",
    },
    "deepfake-stands-out-once": {
        "en": "Person {person} scores above the threshold at second {t:.1f}",
        "it": "La persona {person} supera la soglia al secondo {t:.1f}",
    },
    "deepfake-second": {"en": "{t:.1f} s", "it": "{t:.1f} s"},
    "deepfake-seconds": {"en": "{begin:.1f} to {end:.1f} s", "it": "da {begin:.1f} a {end:.1f} s"},
    "deepfake-person": {"en": "Person {person}", "it": "Persona {person}"},
    "deepfake-threshold": {"en": "Threshold", "it": "Soglia"},
    "deepfake-axis-seconds": {"en": "Seconds", "it": "Secondi"},
    "deepfake-axis-score": {"en": "Score (real faces: around 0)", "it": "Punteggio (volti veri: circa 0)"},
    "deepfake-part-file": {"en": "File", "it": "File"},
    "deepfake-part-stills-received": {"en": "Error rates on stills cut from videos", "it": "Tassi di errore su fotogrammi tratti da video"},
    "deepfake-part-stills-resaved": {"en": "Error rates on stills saved again at JPEG 75", "it": "Tassi di errore su fotogrammi risalvati a JPEG 75"},
    "deepfake-part-stills-small": {"en": "Error rates on stills at half size", "it": "Tassi di errore su fotogrammi a metà dimensione"},
    "deepfake-part-photographs": {
        "en": "Error rates on photographs of the kinds learned from (cross-validated)",
        "it": "Tassi di errore su fotografie dei tipi da cui si è imparato (validazione incrociata)",
    },
    "deepfake-part-clips": {"en": "Error rates on videos of two seconds", "it": "Tassi di errore su video di due secondi"},
    "deepfake-rate-real-above": {"en": "Real, above the threshold all the same", "it": "Veri, eppure sopra la soglia"},
    "deepfake-rate-fakes-above": {"en": "Manipulated, above the threshold", "it": "Manipolati, sopra la soglia"},
    "deepfake-rate-fakes-below": {"en": 'Manipulated, answered "no sign"', "it": "Manipolati, risposta «nessun segno»"},
    "deepfake-rate": {"en": "{part} of {of}: {share:.1%} ({low:.1%} to {high:.1%})", "it": "{part} su {of}: {share:.1%} (da {low:.1%} a {high:.1%})"},
    "deepfake-frames": {"en": "Frames looked at", "it": "Fotogrammi esaminati"},
    "deepfake-size": {"en": "Width and height in pixels", "it": "Larghezza e altezza in pixel"},
    "deepfake-quality": {"en": "JPEG quality, estimated", "it": "Qualità JPEG, stimata"},
    "deepfake-bits": {"en": "Bits a pixel", "it": "Bit per pixel"},
    "deepfake-evidence-people": {"en": "The people that were examined", "it": "Le persone esaminate"},
    "deepfake-evidence-scores": {
        "en": "Scores in deviations of real faces: they lie around 0, and more is more suspicious",
        "it": "Punteggi in deviazioni dei volti veri: questi stanno attorno a 0, e più è alto più è sospetto",
    },
    "deepfake-evidence-person": {
        "en": "Person {person}: the face, and where it looks blended (the brighter, the more; outlined from one half)",
        "it": "Persona {person}: il volto, e dove sembra fuso (più è chiaro, più lo sembra; contornato dalla metà in su)",
    },
    "deepfake-evidence-person-at": {
        "en": "Person {person}: the face of the highest score, at second {t:.1f}, and where it looks blended (the brighter, the more; outlined from one half)",
        "it": "Persona {person}: il volto dal punteggio più alto, al secondo {t:.1f}, e dove sembra fuso (più è chiaro, più lo sembra; "
        "contornato dalla metà in su)",
    },
    "deepfake-evidence-curve": {"en": "Score of each person over the video", "it": "Punteggio di ogni persona lungo il video"},
    "deepfake-column-person": {"en": "Person", "it": "Persona"},
    "deepfake-column-answer": {"en": "Answer", "it": "Risposta"},
    "deepfake-column-score": {"en": "Score", "it": "Punteggio"},
    "deepfake-column-faces": {"en": "Faces looked at", "it": "Volti esaminati"},
    "deepfake-column-seconds": {"en": "Seen", "it": "Vista"},
    "deepfake-column-moments": {"en": "Seconds that stand out", "it": "Secondi che spiccano"},
    "deepfake-column-blended": {"en": "Blended", "it": "Fuso"},
    "deepfake-column-edited": {"en": "Edited", "it": "Ritoccato"},
    "deepfake-column-generated": {"en": "Generated", "it": "Generato"},
    "deepfake-column-pixels": {"en": "Pixels", "it": "Pixel"},
}
