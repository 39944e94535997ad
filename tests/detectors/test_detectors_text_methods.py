"""The published methods of machine-written posts, learned here: sizes and shapes of the nets, and that each learns something from made-up posts."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from detectors.evaluators.tweepfake import TweetRows  # noqa: E402
from detectors.nets.text_characters import LONGEST, PARTS, Alphabet, CharNet, backwards  # noqa: E402
from detectors.train import text_methods  # noqa: E402
from detectors.train.text_characters import Recipe, batches, fit  # noqa: E402
from detectors.train.text_words import words  # noqa: E402

CHARACTERS = 100
# Parameters of the published nets over 100 characters: embedding of 101, windows of 3, 4 and 5, two GRUs, the line. PyTorch's GRU has 2 x 3 x 512 biases more.
EMBEDDING, WINDOWS, GRUS, SECOND_BIAS = 32 * 101, 128 * 32 * (3 + 4 + 5) + 3 * 128, 2 * 3 * 512 * (32 + 512 + 1), 2 * 3 * 512
PUBLISHED = {
    "CHAR_CNN": EMBEDDING + WINDOWS + 384 + 1,
    "CHAR_GRU": EMBEDDING + GRUS + SECOND_BIAS + 1024 + 1,
    "CHAR_CNNGRU": EMBEDDING + WINDOWS + GRUS + SECOND_BIAS + 1408 + 1,
}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def made_up(count: int) -> TweetRows:
    """Posts of numbers and words: a machine's end with an exclamation mark and shout one word."""
    rng = np.random.default_rng(0)
    machine = rng.random(count) < 0.5
    texts = []
    for each in machine:
        plain = [str(word) for word in rng.choice(["tower", "square", "visit", "stone", "light", "marble"], 4)]
        texts.append(" ".join([*plain, "zap zap !"] if each else plain))
    return TweetRows(texts, machine, np.array(["account"] * count), np.where(machine, "others", "human"))


@pytest.mark.parametrize("name", PARTS)
def test_each_net_has_its_published_size(name):
    assert sum(each.numel() for each in CharNet(name, CHARACTERS).parameters()) == PUBLISHED[name]


@pytest.mark.parametrize(("name", "width"), [("CHAR_CNN", 384), ("CHAR_GRU", 1024), ("CHAR_CNNGRU", 1408)])
def test_the_features_are_those_of_the_published_nets(name, width):
    net = CharNet(name, CHARACTERS).eval()
    rows, lengths = torch.randint(2, CHARACTERS, (3, 12)), torch.tensor([12, 5, 1])
    assert (net.features(rows, lengths).shape, net(rows, lengths).shape) == ((3, width), (3,))


@pytest.mark.parametrize("name", PARTS)
def test_an_answer_does_not_depend_on_the_other_posts_or_the_padding(name):
    texts = ["The tower leans.", "no", "a post that is a good deal longer than the others are", ""]
    alphabet = Alphabet(texts)
    net = CharNet(name, len(alphabet)).eval()
    with torch.inference_mode():
        together = net(*alphabet.rows(texts))
        alone = torch.cat([net(*alphabet.rows([text])) for text in texts])
        rows, lengths = alphabet.rows(texts)
        whole = net(torch.nn.functional.pad(rows, (0, LONGEST - rows.shape[1])), lengths)
    assert torch.allclose(together, alone, atol=1e-5)
    assert torch.allclose(together, whole, atol=1e-5)


def test_of_a_long_post_the_last_320_characters_count_and_new_characters_are_one():
    alphabet = Alphabet(["AB"])
    rows, lengths = alphabet.rows(["b" * 400 + "a" * LONGEST, "aZ"])
    assert (len(alphabet), rows.shape, lengths.tolist()) == (3, (2, LONGEST), [LONGEST, 2])
    assert (set(rows[0].tolist()), rows[1, :3].tolist()) == ({2}, [2, 1, 0])


def test_a_row_is_turned_round_before_its_padding():
    assert backwards(torch.tensor([[5, 6, 7, 0], [8, 0, 0, 0]]), torch.tensor([3, 1])).tolist() == [[7, 6, 5, 0], [8, 0, 0, 0]]


def test_every_post_is_learned_from_once_an_epoch():
    lengths = np.random.default_rng(0).integers(1, 300, 533)
    found = list(batches(lengths, 16, seed=3))
    assert sorted(np.concatenate(found)) == list(range(533))
    assert max(map(len, found)) == 16


@pytest.mark.parametrize(("name", "recipe"), [("CHAR_CNN", Recipe(4, 32, 5e-3)), ("CHAR_CNNGRU", Recipe(3, 32, 5e-3, posts=96))])
def test_a_net_learns_from_made_up_posts(name, recipe):
    posts = made_up(240)
    model = fit(name, posts.texts[:200], posts.machine[:200], recipe)
    assert ((model.score(posts.texts[200:]) > 0) == posts.machine[200:]).mean() > 0.9
    assert model.size == 4 * sum(each.numel() for each in model.net.parameters())


def test_words_are_masked_as_published():
    assert words("RT @Someone: THIS isn't #Pisa, see https://t.co/x !!") == ["rt", "@", ":", "this", "isn't", ",", "see", "http", "!!"]


def test_the_methods_stand_behind_one_interface_and_keep_what_they_found(tmp_path):
    pytest.importorskip("sklearn", reason="not run: scikit-learn is a trainer's package, in no extra of the product")
    posts, aside = made_up(200), made_up(40)
    found = {each.published: each for each in text_methods.methods(tmp_path)}
    for name in ("LR", "RF", "SVC"):
        answers = text_methods.measure(found[f"{name}, bag of words"], posts, aside, 0, tmp_path)
        assert ((answers.scores > 0) == aside.machine).mean() > 0.9
        again = text_methods.measure(found[f"{name}, bag of words"], posts, aside, 0, tmp_path)
        assert (again.scores == answers.scores).all()
        assert again.seconds == answers.seconds


def test_without_an_encoder_the_reason_is_given(tmp_path):
    from detectors.errors import WeightsError

    encoder = [each for each in text_methods.methods(tmp_path) if "BERT" in each.published]
    with pytest.raises(WeightsError, match=r"no encoder in .*/encoders"):
        text_methods.measure(encoder[0], made_up(20), made_up(20), 0, tmp_path)


def tiny_encoder(folder) -> None:
    """A BERT of two layers over the words of the made-up posts, as a folder that transformers reads."""
    import tokenizers
    import transformers

    pieces = ["[PAD]", "[UNK]", *sorted({word for text in made_up(50).texts for word in text.split()})]
    unknown = {"unk_token": "[UNK]"}
    reader = tokenizers.Tokenizer(tokenizers.models.WordLevel({word: n for n, word in enumerate(pieces)}, **unknown))
    reader.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    transformers.PreTrainedTokenizerFast(tokenizer_object=reader, **unknown, **{"pad_token": "[PAD]"}).save_pretrained(folder)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "pad_token_id": 0}
    transformers.BertModel(transformers.BertConfig(vocab_size=len(pieces), **sizes)).save_pretrained(folder)


def test_any_local_encoder_gives_features_and_is_fine_tuned_in_its_upper_layers(tmp_path):
    pytest.importorskip("transformers", reason="not run: transformers is a trainer's package, in no extra of the product")
    from detectors.train import text_finetune

    tiny_encoder(tmp_path / "encoders" / "tiny")
    folder = text_finetune.folder_of(tmp_path)
    posts = made_up(200)
    encoder = text_finetune.LocalEncoder(folder)
    features = encoder.features(posts.texts)
    assert np.allclose(features[3], encoder.features(posts.texts[3:4])[0], atol=2e-2)
    model = text_finetune.finetune(folder, posts.texts[:150], posts.machine[:150], text_finetune.FinetuneRecipe(10, 16, 5e-3, 1))
    assert ((model.score(posts.texts[150:]) > 0) == posts.machine[150:]).mean() > 0.9
    frozen, learned = (dict(each.encoder.named_parameters()) for each in (encoder, model.encoder))
    assert {name for name in frozen if not torch.equal(frozen[name], learned[name])} == {name for name in frozen if ".layer.1." in name}
