"""The 22 persuasion techniques of SemEval-2021 Task 6 (Dimitrov et al. 2021), with names and definitions for people. The definitions were written here."""

from __future__ import annotations

import dataclasses

from detectors.messages import Message, declare


@dataclasses.dataclass(frozen=True, slots=True)
class Technique:
    """`code` for programs, `label` as the data set of the task writes it; `in_text` is False for the two that only a picture can carry."""

    code: str
    label: str
    in_text: bool = True

    @property
    def title(self) -> Message:
        """Its name for people."""
        return Message(f"technique-{self.code}")

    @property
    def definition(self) -> Message:
        """What it is, in a sentence."""
        return Message(f"technique-{self.code}-is")


_TABLE = (  # code, label, name en, name it, definition en, definition it
    (
        "authority",
        "Appeal to authority",
        ("appeal to authority", "appello all'autorità"),
        "Something is true because an authority says so, without other evidence; a quotation of a famous person counts.",
        "Una cosa sarebbe vera perché lo dice un'autorità, senza altre prove; vale anche la citazione di una persona famosa.",
    ),
    (
        "fear",
        "Appeal to fear/prejudice",
        ("appeal to fear or prejudice", "appello alla paura o al pregiudizio"),
        "An idea is sold, or an alternative refused, by spreading fear, panic or prejudice.",
        "Si sostiene un'idea, o se ne respinge un'altra, diffondendo paura, panico o pregiudizi.",
    ),
    (
        "bandwagon",
        "Bandwagon",
        ("bandwagon", "effetto carrozzone"),
        "You should join because everybody else does.",
        "Bisogna aderire perché lo fanno tutti.",
    ),
    (
        "black-and-white",
        "Black-and-white Fallacy/Dictatorship",
        ("black-and-white fallacy, dictatorship", "falso dilemma, dittatura"),
        "Two choices are shown as the only ones, or one single course as the only possible one.",
        "Due scelte sono presentate come le sole, o una sola via come l'unica possibile.",
    ),
    (
        "oversimplification",
        "Causal Oversimplification",
        ("causal oversimplification", "semplificazione delle cause"),
        "One cause, person or group is blamed for something that has many causes.",
        "Si dà la colpa a una sola causa, persona o gruppo per qualcosa che ha molte cause.",
    ),
    (
        "doubt",
        "Doubt",
        ("doubt", "dubbio"),
        "The credibility of somebody or something is questioned.",
        "Si mette in dubbio la credibilità di qualcuno o di qualcosa.",
    ),
    (
        "exaggeration",
        "Exaggeration/Minimisation",
        ("exaggeration or minimisation", "esagerazione o minimizzazione"),
        "Something is made larger, better or worse than it is, or smaller and less important.",
        "Qualcosa è reso più grande, migliore o peggiore di quello che è, oppure più piccolo e meno importante.",
    ),
    (
        "flag-waving",
        "Flag-waving",
        ("flag-waving", "sventolio di bandiera"),
        "Strong national or group feeling is played on to justify an idea.",
        "Si fa leva su un forte sentimento nazionale o di gruppo per giustificare un'idea.",
    ),
    (
        "virtue",
        "Glittering generalities (Virtue)",
        ("glittering generalities", "parole altisonanti"),
        "Words of high virtue (peace, freedom, hope) give a person or idea a good image.",
        "Parole di grande virtù (pace, libertà, speranza) danno una buona immagine a una persona o a un'idea.",
    ),
    (
        "loaded-language",
        "Loaded Language",
        ("loaded language", "linguaggio carico"),
        "Words and phrases with a strong emotional charge, good or bad, are used to sway the reader.",
        "Parole e frasi di forte carica emotiva, positiva o negativa, sono usate per influenzare chi legge.",
    ),
    (
        "straw-man",
        "Misrepresentation of Someone's Position (Straw Man)",
        ("straw man", "uomo di paglia"),
        "An opponent's position is replaced by a similar one that is easier to refute.",
        "La posizione dell'avversario è sostituita con una simile, più facile da confutare.",
    ),
    (
        "name-calling",
        "Name calling/Labeling",
        ("name calling, labelling", "etichette e insulti"),
        "A person or group gets a label that the audience fears, hates or loves.",
        "A una persona o a un gruppo si dà un'etichetta che il pubblico teme, odia o ama.",
    ),
    (
        "vagueness",
        "Obfuscation, Intentional vagueness, Confusion",
        ("intentional vagueness", "vaghezza intenzionale"),
        "Words are unclear on purpose, so that everybody reads into them what they like.",
        "Le parole sono volutamente oscure, così che ognuno vi legga ciò che vuole.",
    ),
    (
        "red-herring",
        "Presenting Irrelevant Data (Red Herring)",
        ("red herring", "falsa pista"),
        "Irrelevant matter is brought in to draw attention away from the point.",
        "Si introduce materia irrilevante per distogliere l'attenzione dal punto.",
    ),
    (
        "hitler",
        "Reductio ad hitlerum",
        ("reductio ad Hitlerum", "reductio ad Hitlerum"),
        "An idea or person is disliked for being likened to a group that the audience holds in contempt.",
        "Un'idea o una persona è screditata perché accostata a un gruppo che il pubblico disprezza.",
    ),
    (
        "repetition",
        "Repetition",
        ("repetition", "ripetizione"),
        "The same message is repeated until it is accepted.",
        "Lo stesso messaggio è ripetuto finché non viene accettato.",
    ),
    (
        "slogan",
        "Slogans",
        ("slogan", "slogan"),
        "A short striking phrase that may label and stereotype.",
        "Una frase breve e incisiva, che può etichettare e usare stereotipi.",
    ),
    (
        "smear",
        "Smears",
        ("smear", "diffamazione"),
        "Somebody's reputation is damaged or called into question by propaganda about them.",
        "Si danneggia o si mette in discussione la reputazione di qualcuno.",
    ),
    (
        "cliche",
        "Thought-terminating cliché",
        ("thought-terminating cliché", "frase fatta che chiude il discorso"),
        "A short generic phrase discourages thought and discussion.",
        "Una frase breve e generica scoraggia il ragionamento e la discussione.",
    ),
    (
        "whataboutism",
        "Whataboutism",
        ("whataboutism", "benaltrismo"),
        "An opponent is charged with hypocrisy, and the argument itself is left unanswered.",
        "Si accusa l'avversario di ipocrisia, senza rispondere all'argomento.",
    ),
    (
        "emotions",
        "Appeal to (Strong) Emotions",
        ("appeal to strong emotions", "appello a emozioni forti"),
        "A picture with strong emotional content sways the viewer.",
        "Un'immagine di forte contenuto emotivo influenza chi guarda.",
    ),
    (
        "transfer",
        "Transfer",
        ("transfer", "trasferimento"),
        "Qualities of a person, symbol or group are carried over to another to praise or discredit it.",
        "Le qualità di una persona, di un simbolo o di un gruppo sono trasferite ad altri per lodarli o screditarli.",
    ),
)
TECHNIQUES = tuple(Technique(code, label, code not in ("emotions", "transfer")) for code, label, *_ in _TABLE)
IN_TEXT = tuple(each for each in TECHNIQUES if each.in_text)
OF_TASK = {1: IN_TEXT, 3: TECHNIQUES}

declare({f"technique-{code}": {"en": names[0], "it": names[1]} for code, _, names, _, _ in _TABLE})
declare({f"technique-{code}-is": {"en": english, "it": italian} for code, _, _, english, italian in _TABLE})
declare(
    {
        f"technique-{code}-found": {
            "en": f"{names[0][0].upper()}{names[0][1:]} (chance {{chance:.0%}}): {english}",
            "it": f"{names[1][0].upper()}{names[1][1:]} (probabilità {{chance:.0%}}): {italian}",
        }
        for code, _, names, english, italian in _TABLE
    }
)
