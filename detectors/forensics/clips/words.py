"""What video forensics says, in English and Italian; the words of outcomes are those of picture forensics."""

from __future__ import annotations

from detectors.forensics.words import WORDS as PICTURE_WORDS

SHARED = (
    *(f"forensics-{each}" for each in ("signs", "no-signs", "nothing-to-say", "rest", "silent", "outcome", "why", "threshold", "limit")),
    *(f"forensics-is-{each}" for each in ("found", "nothing", "silent", "fact")),
)
WORDS = {code: PICTURE_WORDS[code] for code in SHARED} | {
    "title": {"en": "Video forensics", "it": "Analisi forense di un video"},
    "about": {
        "en": "Classical traces of editing in a video file: joined or hidden parts, missing frames, stills and repeats, sound that does not fit. Hints for an "
        "examiner.",
        "it": "Tracce classiche di modifica in un file video: parti unite o nascoste, fotogrammi mancanti, fermi e ripetizioni, audio che non "
        "corrisponde. Indizi per un esaminatore.",
    },
    "clip-reading": {"en": "reading the file", "it": "lettura del file"},
    "clip-decoding": {"en": "decoding the frames", "it": "decodifica dei fotogrammi"},
    "clip-measuring": {"en": "measuring", "it": "misurazione"},
    "clip-drawing": {"en": "drawing", "it": "disegno"},
    "clip-errs": {
        "en": "The thresholds are set on a few dozen clips made for it, none of this file's kind perhaps; the card says how often each technique erred there. "
        "All are hints for an examiner and change no other tool's answer.",
        "it": "Le soglie sono poste su poche decine di filmati fatti apposta, forse nessuno del tipo di questo file; la scheda dice quanto spesso ogni "
        "tecnica vi ha sbagliato. Sono indizi per un esaminatore e non cambiano la risposta di alcun altro strumento.",
    },
    "clip-not-whole": {
        "en": "The file is cut off, damaged or longer than is read: what comes after was not looked at.",
        "it": "Il file è troncato, danneggiato o più lungo di quanto si legge: il resto non è stato esaminato.",
    },
    "clip-not-all": {
        "en": "Of the pictures the first {seconds:.0f} seconds were looked at; times and tracks were read to the end.",
        "it": "Delle immagini sono stati esaminati i primi {seconds:.0f} secondi; tempi e tracce sono stati letti fino alla fine.",
    },
    "clip-part-writer": {"en": "Programs and dates", "it": "Programmi e date"},
    "clip-part-pace": {"en": "Frame rate", "it": "Frequenza dei fotogrammi"},
    "clip-part-cuts": {"en": "Cuts", "it": "Stacchi"},
    "clip-part-doubled": {"en": "Doubled frames", "it": "Fotogrammi doppi"},
    "clip-part-joined": {"en": "Encodings joined", "it": "Codifiche unite"},
    "clip-part-hidden": {"en": "Hidden parts (edit list)", "it": "Parti nascoste (lista di montaggio)"},
    "clip-part-missing": {"en": "Missing frames", "it": "Fotogrammi mancanti"},
    "clip-part-still": {"en": "Still picture in a moving scene", "it": "Fermo immagine in una scena in movimento"},
    "clip-part-repeat": {"en": "Passage shown twice", "it": "Passaggio mostrato due volte"},
    "clip-part-sound": {"en": "Sound against picture", "it": "Audio e immagini a confronto"},
    "clip-form": {"en": "Container", "it": "Contenitore"},
    "clip-codec": {"en": "Codecs", "it": "Codec"},
    "clip-writer": {"en": "Written by (says the file)", "it": "Scritto da (secondo il file)"},
    "clip-encoder": {"en": "Encoder's own note", "it": "Nota del codificatore"},
    "clip-device": {"en": "Device (says the file)", "it": "Apparecchio (secondo il file)"},
    "clip-created": {"en": "Made (says the file)", "it": "Creato (secondo il file)"},
    "clip-rate": {"en": "Frames a second", "it": "Fotogrammi al secondo"},
    "clip-constant": {"en": "Constant", "it": "Costante"},
    "clip-frames": {"en": "Frames", "it": "Fotogrammi"},
    "clip-cuts": {"en": "Cuts", "it": "Stacchi"},
    "clip-second": {"en": "{t:.1f} s", "it": "{t:.1f} s"},
    "clip-at": {"en": "Moments", "it": "Momenti"},
    "clip-lasts": {"en": "Lasts, seconds", "it": "Durata, secondi"},
    "clip-doubled-share": {"en": "Share of the frames in moving scenes", "it": "Quota dei fotogrammi nelle scene in movimento"},
    "clip-doubled-even": {"en": "At even distances, as a conversion of the rate leaves them", "it": "A distanze regolari, come dopo una conversione"},
    "clip-segments": {"en": "Segments of the edit list", "it": "Segmenti della lista di montaggio"},
    "clip-hidden-seconds": {"en": "Seconds that players do not show", "it": "Secondi che i lettori non mostrano"},
    "clip-missing-frames": {"en": "Frames missing in the longest gap", "it": "Fotogrammi mancanti nel vuoto più lungo"},
    "clip-sound-seconds": {"en": "Sound lasts, seconds", "it": "Durata dell'audio, secondi"},
    "clip-picture-seconds": {"en": "Pictures last, seconds", "it": "Durata delle immagini, secondi"},
    "clip-score-joined": {"en": "Encodings that begin later", "it": "Codifiche che iniziano dopo"},
    "clip-score-hidden": {"en": "Seconds hidden", "it": "Secondi nascosti"},
    "clip-score-missing": {"en": "Frames missing", "it": "Fotogrammi mancanti"},
    "clip-score-still": {"en": "Longest still, seconds", "it": "Fermo più lungo, secondi"},
    "clip-score-repeat": {"en": "Movement inside, over difference between", "it": "Movimento interno, rispetto alla differenza"},
    "clip-score-sound": {"en": "Seconds apart at begin or end", "it": "Secondi di scarto all'inizio o alla fine"},
    "clip-too-few-frames": {"en": "There are too few frames.", "it": "I fotogrammi sono troppo pochi."},
    "clip-nothing-moves": {"en": "Too little moves to tell.", "it": "Si muove troppo poco per dirlo."},
    "clip-no-note": {
        "en": "Only x264 and x265 leave a note where an encoding begins, and this file has none.",
        "it": "Solo x264 e x265 lasciano una nota dove inizia una codifica, e in questo file non c'è.",
    },
    "clip-no-edit-lists": {
        "en": "Files of this container ({form}) have no edit list.",
        "it": "I file di questo contenitore ({form}) non hanno una lista di montaggio.",
    },
    "clip-varies": {
        "en": "The frame rate varies, as phones and screen recordings have it, or there are too few frames: a gap means nothing.",
        "it": "La frequenza varia, come nei telefoni e nelle registrazioni dello schermo, o i fotogrammi sono pochi: un vuoto non significa nulla.",
    },
    "clip-no-repeat-possible": {
        "en": "The clip is too short, or too little in it moves, for a passage to be told from another.",
        "it": "Il filmato è troppo breve, o vi si muove troppo poco, per distinguere un passaggio da un altro.",
    },
    "clip-no-sound": {"en": "The file has no sound.", "it": "Il file non ha audio."},
    "clip-sound-length": {"en": "The file does not say how long its sound lasts.", "it": "Il file non dice quanto dura il suo audio."},
    "clip-found-joined": {
        "en": "An encoding begins anew at {at:.1f} s: parts that were encoded one by one were put together without encoding them again.",
        "it": "Una codifica ricomincia a {at:.1f} s: parti codificate separatamente sono state unite senza ricodificarle.",
    },
    "clip-found-hidden": {
        "en": "The file holds pictures that players do not show: it was trimmed, and what was cut away is still in it.",
        "it": "Il file contiene immagini che i lettori non mostrano: è stato accorciato e ciò che è stato tolto c'è ancora.",
    },
    "clip-found-missing": {
        "en": "Frames are missing at {at:.1f} s: cut out, or lost by the camera or on the network.",
        "it": "Mancano fotogrammi a {at:.1f} s: tagliati, o persi dalla telecamera o dalla rete.",
    },
    "clip-found-still": {
        "en": "One picture stands still from {at:.1f} s on in a scene that moves before and after.",
        "it": "Un'immagine resta ferma da {at:.1f} s in una scena che si muove prima e dopo.",
    },
    "clip-found-repeat": {
        "en": "The same passage is shown twice: from {at:.1f} s and again from {again:.1f} s.",
        "it": "Lo stesso passaggio è mostrato due volte: da {at:.1f} s e di nuovo da {again:.1f} s.",
    },
    "clip-found-sound": {
        "en": "Sound and pictures do not begin and end together.",
        "it": "Audio e immagini non iniziano e finiscono insieme.",
    },
    "clip-limit-writer": {
        "en": "Anybody can write these lines. Sites, messengers and converters write their own: that is no sign of editing.",
        "it": "Chiunque può scrivere queste righe. Siti, servizi di messaggistica e convertitori scrivono le loro: non è segno di modifica.",
    },
    "clip-limit-pace": {
        "en": "Phones and screen recordings vary their rate by themselves; converters make it constant.",
        "it": "Telefoni e registrazioni dello schermo variano da soli la frequenza; i convertitori la rendono costante.",
    },
    "clip-limit-cuts": {
        "en": "A cut is ordinary in what is shown as a film; in what is shown as one take it is a question. Jumps inside a scene and fades are not found.",
        "it": "Uno stacco è normale in un film; in una ripresa unica è una domanda. Non si trovano salti nella stessa scena né dissolvenze.",
    },
    "clip-limit-doubled": {
        "en": "Conversions of the frame rate and cameras in the dark double frames as well.",
        "it": "Anche le conversioni di frequenza e le telecamere al buio raddoppiano fotogrammi.",
    },
    "clip-limit-joined": {
        "en": "Only where x264 or x265 encoded and nobody encoded it again afterwards: sites and messengers do, and then nothing is left.",
        "it": "Solo dove x264 o x265 hanno codificato e nessuno ha ricodificato dopo: siti e servizi di messaggistica lo fanno, e non resta nulla.",
    },
    "clip-limit-hidden": {
        "en": "Trimming on a phone does this without any wish to hide. Whoever encodes again removes the hidden part.",
        "it": "Anche accorciare un video sul telefono lo fa, senza voler nascondere nulla. Chi ricodifica elimina la parte nascosta.",
    },
    "clip-limit-missing": {
        "en": "Whoever cuts frames out and numbers the rest anew leaves no gap. Networks and busy cameras lose frames by themselves.",
        "it": "Chi taglia fotogrammi e rinumera il resto non lascia vuoti. Reti e telecamere occupate perdono fotogrammi da sole.",
    },
    "clip-limit-still": {
        "en": "Frozen network video looks the same. A still with noise added to it is not found.",
        "it": "Un video di rete bloccato ha lo stesso aspetto. Non si trova un fermo a cui è stato aggiunto rumore.",
    },
    "clip-limit-repeat": {
        "en": "Machines, signs and animations repeat by themselves. A passage that was mirrored, resized or slowed down is not found.",
        "it": "Macchine, insegne e animazioni si ripetono da sole. Non si trova un passaggio specchiato, ridimensionato o rallentato.",
    },
    "clip-limit-sound": {
        "en": "Some phones and converters begin the sound late or end it early by less than half a second. Sound that was exchanged in full is not found.",
        "it": "Alcuni telefoni e convertitori spostano inizio o fine dell'audio di meno di mezzo secondo. Non si trova un audio sostituito per intero.",
    },
    "clip-moment-cut": {"en": "Cut", "it": "Stacco"},
    "clip-moment-joined": {"en": "An encoding begins anew", "it": "Una codifica ricomincia"},
    "clip-moment-missing": {"en": "Frames are missing", "it": "Mancano fotogrammi"},
    "clip-moment-still": {"en": "The picture stands still", "it": "L'immagine resta ferma"},
    "clip-moment-repeat-first": {"en": "Passage that comes again", "it": "Passaggio che ritorna"},
    "clip-moment-repeat-again": {"en": "The same passage again", "it": "Lo stesso passaggio di nuovo"},
    "clip-axis-seconds": {"en": "Seconds", "it": "Secondi"},
    "clip-axis-change": {"en": "Change from frame to frame, levels", "it": "Variazione fra fotogrammi, livelli"},
    "clip-evidence-changes": {
        "en": "How much the picture changes from frame to frame: single peaks are cuts, a line on the ground is a still picture",
        "it": "Quanto cambia l'immagine fra un fotogramma e l'altro: i picchi isolati sono stacchi, una linea a terra è un fermo immagine",
    },
    "clip-evidence-repeat": {
        "en": "The frames at {first:.1f} s and at {again:.1f} s, where the passage begins the first and the second time",
        "it": "I fotogrammi a {first:.1f} s e a {again:.1f} s, dove il passaggio inizia la prima e la seconda volta",
    },
}
