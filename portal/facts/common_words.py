"""Words of everyday English and Italian speech: alone they are no name of a fact, whatever a fact calls itself. Without accents, in small letters."""

from __future__ import annotations

import unicodedata

from detectors.languages import FREQUENT
from detectors.text.function_words import GROUPS

_ENGLISH = """
able account across act action age ago air almost alone along already another answer anyone anything area arm army around art ask away baby back bad
bank base battle bear beat beautiful bed began begin behind believe best better big bird bit black blood blue board boat body book boss bottom box boy
bread break bring brother brown build building burn business buy call came camera camp car card care case cat catch cause center centre century chance
change cheap child children choice church circle city clean clear close cold color colour come company control cook cool copy corner cost country
course court cross crowd cry cup cut dad dark date daughter day dead deal dear death deep democracy die different dinner doctor dog door down dream
drink drive drop dry duty early earth east easy eat end enemy energy enough evening event ever everyone everything evil eye eyes face fact fake fall
false family far farm fast father fear feel feet few field fight film final find fine finger fire first fish five flag floor flower fly food fool foot
force forever forget form four free freedom fresh friend front full fun funny future game garden gate gave girl give glass god gold gone government
green ground group grow guard gun guy hair half hand happen happy hard hat hate head health heart heaven heavy hell help hero high hill history hit
hold hole home honest honor hope horse hospital hot hour house human hundred idea important inside job join joke joy judge jump justice keep key kid
kill kind king kiss knife knight lady land language large last late laugh law lead leader learn leave left leg less letter liberty library lie life
light line lion list listen little live local long look lord lose lost lot love low luck machine make man many map march mark market master matter
maybe mean media meet member memory men message middle mile milk million mind minute miss mistake moment money month moon morning mother mountain
mouth move movie museum music name nation nature near need never new news next nice night noise north note number office oil old once one open order
other others outside owner page pain paint paper parent park part party past pay peace pen people person phone photo picture piece place plan plane
plant play point police poor power present president press pretty price prince problem promise proof public pull push queen question quick quiet race
radio rain reach read ready real reason red remember rest rich ride right ring rise river road rock room rose round rule run sad safe same save saw
say school science sea second secret see seem sell send sense sentence serious set seven shadow shake shame share she ship shirt shoe shoot shop short
show shut sick side sign silence simple since sing sister sit six size skin sky sleep slow small smart smell smile snow social soft soldier solid some
someone something son song soon sorry sort soul sound south space speak special speech spirit sport spring square stand star start state stay steal
step stick still stone stop store storm story strange street strong student study stupid summer sun sure system table take talk tall taste tax teacher
team terror test thing think third thought thousand three throw time tired together tomorrow tonight top total touch tower town trade train tree trip
trouble true trust truth try turn two ugly uncle under union unity use very victory video view village voice vote wait wake walk wall want war warm
wash watch water way weak wear weather week weight west wheel while white whole wife wild win wind window wing winter wish witch without wolf woman
women wonder wood word work worker world worth write wrong year yellow yesterday young youth zero
"""
_ITALIAN = """
acqua aiuto albero allora altra altre altri altro amare amica amico amore ancora andare angelo anima animale anni anno aperto aria arma arte aspetto
atto autore avanti avere bambina bambini bambino banca basso bella bello bene bere bianco bisogno bocca bosco braccio bravo brutto buio buona buono
cadere caduta caldo camera cammino campagna campo cane capo caro carta casa caso castello causa cavallo centro cercare certo chiaro chiave chiedere
chiesa chiuso cielo cinque citta codice colore colpa comandare compagni compagno comune conto controllo copia coraggio corpo corsa corso corte cosa
cose costa croce cuore danno dare data davanti davvero debole democrazia dentro destra dio dire diritto dito domanda domani donna donne dopo dormire
dovere duce due duomo economia errore esercito estate eta evento faccia facile falso fame famiglia fatto fede felice ferro festa figli figlia figlio
film fine finestra fiore fiume foglia folla forma forse forte forza foto fratello freddo fronte fuoco fuori futuro gatto gente giallo giardino giocare
gioco giornale giorni giorno giovane giovani giustizia gloria governo grande grazie grido gruppo guardare guerra idea ieri immagine inferno inizio
insieme inverno isola lato lavoro legge leggere leone lettera letto libero liberta libro linea lingua lontano lotta luce luna lungo luogo lupo
macchina madre maestro malato male mamma mangiare mano mare marito massa mattina mattino media medico meglio memoria meno mente mercato mese messaggio
mezzo migliore milione mille ministro minuto modo moglie momento mondo monte morire morte morto mostra motivo muro museo musica nascita natura nave
nazione nemico nero nessuno neve niente noi nome nord notizia notte nove numero nuova nuovo occhi occhio odio oltre ombra ora ordine oro ospedale otto
padre paese pagare pagina palazzo pane papa paper parola parole parte partito passato passo patria paura pazzo pelle pena pensiero perdere persona
persone pezzo piano piazza piccolo piede pietra pioggia poco poi polizia ponte popolo porta posto potenza potere povero prato presidente presto prezzo
prima primo principe problema processo promessa pronto prova pubblico punto quadro quattro ragazza ragazzi ragazzo ragione re regina regola resto
ricco ricordo ridere riso ritorno rosa rosso rumore sacro sala sale salute sangue santo sapere scala scelta scienza scritto scudo scuola secolo
secondo sedia segno segreti segreto sei semplice sempre senso sentire sera sette sicuro signora signore silenzio simbolo sinistra sistema societa
sogno soldato soldi sole solo sonno sorella sorriso spada spalla spazio spesso spirito sport stanza stato stazione stella storia strada straniera
straniero studente studio successo sud tanto tardi tavola telefono tempesta tempio tempo terra terrore terzo testa testo titolo torre torri tre treno
triste troppo trovare tutta tutto uomini uomo uscita vecchio vedere vento vera verde vergogna verita vero verso vestito via viaggio vicino video
villaggio vincere vino visita vista vita vittima vittoria vivere vivo voce volta volto voto zero zona
"""
_listed = " ".join((_ENGLISH, _ITALIAN, FREQUENT["en"], FREQUENT["it"], *GROUPS.values()))
COMMON = frozenset("".join(each for each in unicodedata.normalize("NFKD", _listed) if unicodedata.category(each) != "Mn").split())
