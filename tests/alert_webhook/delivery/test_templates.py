"""Templates of users: in whatever way one fails, the page goes out in our own words, and the way to answer stays."""

import time
from html.parser import HTMLParser
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from alert_webhook.config import Config
from alert_webhook.delivery.channel import Message, Reason, Receipt, Words
from alert_webhook.delivery.channels.slack import SlackBlock
from alert_webhook.delivery.channels.smtp import SmtpBlock, compose
from alert_webhook.delivery.channels.twilio_sms import TwilioSmsBlock
from alert_webhook.delivery.render import mail, payload, sms
from alert_webhook.delivery.slack_text import content
from alert_webhook.delivery.speech import speech
from alert_webhook.delivery.template_block import TemplateBlock
from alert_webhook.delivery.template_budget import MAX_TEXT, TIME_S, Failure, Why
from alert_webhook.delivery.template_form import formed
from alert_webhook.delivery.template_language import compiled, rendered
from alert_webhook.delivery.template_trial import EXAMPLE
from alert_webhook.delivery.template_values import values_of
from alert_webhook.delivery.templated import words_of
from alert_webhook.delivery.tracking import TrackedChannels
from alert_webhook.delivery.wording import headline
from alert_webhook.meters import Meters
from alert_webhook.store.database import Store
from heronwatch.config import loads
from heronwatch.errors import ConfigError
from heronwatch.secrets import Secret
from tests.fakes.channel_rigs import sample_message
from tests.fakes.clock import FakeClock
from tests.fakes.webhook_stack import FakeBlock, Stack, config

VALUES = values_of(EXAMPLE, link=True)
LINK = sample_message("x").ack_url
PROMPT_S = 25.0  # of the wall's clock, on a machine that does much else; a bomb would take hours, or all memory

REFUSED = {  # what no configuration is accepted with
    "range": "{% for i in range(10**9) %}x{% endfor %}",
    "power": "{{ 'a'*10**9 }}",
    "dunder": "{{ ''.__class__ }}",
    "attr": "{{ ''|attr('__class__') }}",
    "method": "{{ ''.join.__self__ }}",
    "macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "include": "{% include 'mail.txt' %}",
    "import": "{% import 'mail.txt' as x %}",
    "extends": "{% extends 'mail.txt' %}",
    "block set": "{% set a %}x{% endset %}",
    "format": "{{ '{:1000000000}'.format(1) }}",
    "pad": "{{ 'x'.center(10**9) }}",
    "safe": "{{ incident.title|safe }}",
    "unknown": "{{ incidnt.title }}",
    "nested lists": "{% set a = [alerts, alerts] %}x",
    "syntax": "{% if %}",
    "parentheses": "{{ " + "(" * 300 + "1" + ")" * 300 + " }}",
    "minus": "{{ " + "-" * 900 + "1 }}",
    "digits": "{{ " + "9" * 5000 + " }}",
    "long source": "x" * 9000,
    "budget": "{{ _budget }}",
}
LETTERS = "{% for a in 'aaaaaaaaaa' %}"
BOMBS = {  # what only shows when it runs, and how it is stopped
    "multiplied": ("{{ 'a' * 1000000000 }}", Why.LONG),
    "doubled": ("{% set a = 'x' * 15000 %}{% set b = a + a %}x", Why.LONG),
    "concatenated": ("{% set a = 'x' * 15000 %}{% set b = a ~ a %}x", Why.LONG),
    "joined": ("{% set a = 'x' * 20000 %}{{ a|join(a) }}", Why.LONG),
    "replaced": ("{% set a = 'x' * 20000 %}{{ a|replace('x', a) }}", Why.LONG),
    "printed": ("{% set a = 'x' * 20000 %}" + "{{ a }}" * 2, Why.LONG),
    "written in loops": (LETTERS * 8 + "x" + "{% endfor %}" * 8, Why.LONG),
    "silent loops": (LETTERS * 10 + "{% endfor %}" * 10, Why.SLOW),
    "sorted": ("{% set a = 'ab' * 9000 %}" + "{% set b = a|sort %}" * 300, Why.SLOW),
    "split": ("{% set a = 'ab' * 9000 %}" + "{% set b = a.split('a')|join('b') %}" * 200, Why.SLOW),
    "formatted": ("{{ '%1000000000d' % 1 }}", Why.ERROR),
    "subscript": ("{{ ''['__class__'] }}", Why.ERROR),
    "mapped": ("{{ alerts|map('__class__')|join }}", Why.ERROR),
    "squared": ("{{ 999999999 * 999999999 }}", Why.LONG),
    "divided": ("{{ 1 / 0 }}", Why.ERROR),
    "undefined": ("{{ incident.tittle }}", Why.ERROR),
    "a list": ("{{ alerts }}", Why.ERROR),
    "changed": ("{{ incident.update }}", Why.ERROR),
    "empty": ("{% if test %}x{% endif %} ", Why.EMPTY),
}


def configured(channel: str) -> Config:
    """A configuration with one channel."""
    return loads(
        f"""
version: 1
database: {{sqlite: webhook.db}}
integrations: {{}}
people: {{}}
policies: {{}}
channels:
  out:
    {channel}
""",
        Config,
        file="webhook.yml",
    ).value


def smtp(**template: str) -> SmtpBlock:
    return SmtpBlock(host="mail.example.org", sender="h@example.org", template=TemplateBlock(**template))


def worded(message: Message, **template: str) -> Message:
    """The message as a mail's templates word it."""
    block = smtp(**template)
    assert block.template is not None
    words = words_of(block, block.template, message)
    assert isinstance(words, Words), words
    return replace(message, words=words)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_for_messages_is_refused_when_the_configuration_loads(name: str) -> None:
    began = time.monotonic()
    assert list(TemplateBlock(text=REFUSED[name]).config_faults())
    assert time.monotonic() - began < PROMPT_S


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("html", [False, True])
def test_bomb_is_stopped(name: str, html: bool) -> None:
    source, why = BOMBS[name]
    compiled(source, html=html, known=frozenset(VALUES))  # which a configuration's check has done
    began = time.thread_time()
    made = rendered(source, VALUES, html=html)
    assert isinstance(made, Failure)
    assert made.why is why
    assert time.thread_time() - began < TIME_S + 0.1, "stopped within the step that was under way"


def test_time_is_asked_for_in_every_turn_of_a_loop() -> None:
    ticks = count()
    made = rendered("{% for a in 'a' * 9000 %}{% endfor %}", VALUES, clock=lambda: next(ticks) / 1000)
    assert isinstance(made, Failure)
    assert made.why is Why.SLOW
    assert next(ticks) < 110


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ incident.severity|upper }} {{ incident.title }}", "CRITICAL LinkDown · core-sw1 · plant-2"),
        ("{{ incident.labels.site }}{{ incident.labels.none_such }}", "plant-2"),
        ("{{ incident.labels.none_such|default('nowhere') }}", "nowhere"),
        ("{% for a in alerts %}{{ loop.index }}. {{ a.summary }}{% endfor %}", "1. Port Gi1/0/1 of core-sw1 is down"),
        ("{{ alerts|map('name')|join(', ') }} of {{ incident.total }}", "LinkDown of 1"),
        (
            "{% for n, v in incident.labels.items() %}{{ n }}={{ v }};{% endfor %}",
            "alertname=LinkDown;instance=core-sw1;severity=critical;site=plant-2;",
        ),
        (
            "{% if incident.severity in ['critical', 'high'] %}{{ 'now' if reason == 'page' else 'later' }}{% endif %}",
            "now",
        ),
        ("{{ person }}: {{ incident.since ~ ', ' ~ incident.ago }}", "Ana Silva: 08:00 UTC, 1 min ago"),
        ("{{ '-' * 3 + '>' }} {{ 7 // 2 + 7 % 2 }}", "---> 4"),
        ("{{ 'a long text'|truncate(6) }}", "a lon…"),
    ],
)
def test_template_writes(source: str, text: str) -> None:
    assert rendered(source, VALUES) == text


def test_alert_text_is_never_a_template() -> None:
    evil = replace(sample_message("x").incident, title="{{ 7 * 7 }} {% for i in 'ab' %}x{% endfor %}")
    message = worded(sample_message("x", incident=evil), title="{{ incident.title }}", text="{{ incident.title }}")
    assert "{{ 7 * 7 }} {% for i" in headline(message)
    assert "49" not in sms(message, links=True)


def test_fault_names_place_and_remedy() -> None:
    with pytest.raises(ConfigError) as caught:
        configured("""{type: smtp, host: mail.example.org, from: h@example.org,
      template: {text: "{{ incidnt.title }}"}}""")
    assert "webhook.yml:10: channels.out.template.text: line 1 of the template: 'incidnt' is not known" in str(
        caught.value
    )
    assert "(did you mean 'incident'?)" in str(caught.value)


def test_html_is_for_mails_only() -> None:
    with pytest.raises(ConfigError, match=r"channels\.out\.template\.html: only mails have an HTML part"):
        configured("{type: slack, bot_token: x, template: {html: <p>x</p>}}")
    with pytest.raises(ConfigError, match=r"channels\.out\.template: give a title"):
        configured("{type: slack, bot_token: x, template: {}}")


@pytest.mark.parametrize("reason", [Reason.PAGE, Reason.FALLBACK, Reason.TEST, Reason.REMINDER])
def test_way_to_answer_is_added(reason: Reason) -> None:
    message = worded(
        sample_message("x", reason=reason, possible_duplicate=True), title="Wake up", text="Look", html="<b>Look</b>"
    )
    words = mail(message)
    assert words.subject.endswith("Wake up [K7QF]")
    assert LINK in words.text
    assert f'href="{LINK}"' in words.html
    assert "may have got this already" in words.text
    assert "may have got this already" in words.html
    text = sms(message, links=True)
    assert text.endswith(f"Ack: {LINK}")
    assert "K7QF" in text
    assert "(may be a repeat)" in text


def test_link_that_the_template_shows_is_not_added_twice() -> None:
    page = '<p><a href="{{ ack_url }}">Mine</a></p>'
    words = mail(worded(sample_message("x"), text="Take it: {{ ack_url }}", html=page))
    assert (words.text.count(LINK), words.html.count(LINK)) == (1, 1)


@pytest.mark.parametrize(("reason", "word"), [(Reason.RESOLVED, "RESOLVED"), (Reason.TEST, "TEST")])
def test_nobody_takes_an_all_clear_or_a_test_for_a_page(reason: Reason, word: str) -> None:
    message = sample_message("x", reason=reason)
    assert headline(worded(message, title="CRITICAL LinkDown")) == f"{word} CRITICAL LinkDown [K7QF]"
    assert headline(worded(message, title=f"{word}: LinkDown")) == f"{word}: LinkDown [K7QF]"


def test_link_stays_out_of_texts_that_others_read() -> None:
    block = SlackBlock(bot_token=Secret("x"), template=TemplateBlock(text="{{ ack_url }}!"))
    assert block.template is not None
    words = words_of(block, block.template, sample_message("C024BE91L"))
    assert words == Words(text="!")


def test_words_reach_every_channel() -> None:
    message = worded(sample_message("x"), title="Tower <!channel>", text="At {{ incident.labels.site }}")
    assert "At plant-2" in sms(message, links=True)
    assert "Tower <!channel>. At plant-2." in speech(message)
    shown = content(message, buttons=True, link=False)
    assert shown["text"] == "Tower &lt;!channel&gt; [K7QF]"
    assert shown["blocks"][1]["text"] == {"type": "plain_text", "text": "At plant-2", "emoji": False}
    assert payload(message)["words"] == {"title": "Tower <!channel> [K7QF]", "text": "At plant-2"}


def test_minimal_privacy_holds_for_templates() -> None:
    block = TwilioSmsBlock(
        account_sid="AC" + "0" * 32,
        auth_token=Secret("x"),
        sender="+15005550006",
        privacy="minimal",
        template=TemplateBlock(text="See https://wiki.lan/runbook"),
    )
    assert block.template is not None
    assert words_of(block, block.template, sample_message("x")) == Words(text="See [link]")


def test_page_goes_out_when_its_template_fails(
    store: Store, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    failed: list[tuple[str, str]] = []
    bomb = LETTERS * 10 + "{% endfor %}" * 10
    template = TemplateBlock(text=f"{{% if incident.labels.bomb %}}{bomb}{{% endif %}}Look at {{{{ alerts[0].name }}}}")
    assert not list(template.config_faults()), "with the example it does no harm"
    block = FakeBlock(template=template)
    stack = Stack(store, clock, config(channels={"sms": block, "mail": FakeBlock()}))
    stack.parts = replace(stack.parts, template_failed=lambda *what: failed.append(what))
    channels = TrackedChannels(stack.parts, lambda: stack.channels)
    for number, labels in enumerate(({"bomb": "1"}, {"bomb": "1"}, {})):
        incident = replace(EXAMPLE.incident, labels=labels)
        assert channels.send("sms", replace(EXAMPLE, id=f"{number:032}", incident=incident)) == Receipt("ref")
    sent = [message.words.text for message in stack.channels["sms"].sent]
    assert sent == ["", "", "Look at LinkDown"]
    assert failed == [("sms", "slow")] * 2
    told = [str(vars(record)) for record in caplog.records if "a template failed" in str(vars(record))]
    assert len(told) == 1, "once in ten minutes"
    assert "channels.sms.template.text" in told[0]
    assert "LinkDown" in sms(stack.channels["sms"].sent[0], links=True)
    stack.channels["sms"].sent.clear()


def test_failures_are_counted_by_channel_and_reason() -> None:
    registry = CollectorRegistry()
    Meters(registry).template_failed("mail", "slow")
    found = registry.get_sample_value(
        "heronwatch_webhook_template_failures_total", {"channel": "mail", "reason": "slow"}
    )
    assert found == 1


class Tags(HTMLParser):
    """Which tags and links an HTML text has."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=300) | st.text("<>&\"'{}%\r\n\x00/script:=on ", max_size=300))
def test_labels_change_no_markup_and_no_header(text: str) -> None:
    plain = sample_message("ana@example.org")
    incident = replace(plain.incident, title=text, labels={"site": text})
    message = worded(
        replace(plain, incident=incident),
        title="On {{ incident.title }}",
        text="Text {{ incident.labels.site }}",
        html='<p title="{{ incident.title }}">{{ incident.labels.site }}</p>',
    )
    assert Tags(mail(message).html).tags == ["p", "p", "a"]
    composed = compose(message, sender="h@example.org", now=0.0)
    assert "\n" not in composed["Subject"]
    assert set(composed.keys()) == set(compose(plain, sender="h@example.org", now=0.0).keys())
    assert sms(message, links=True).endswith(f"\nAck: {LINK}")


@settings(deadline=None, max_examples=200)
@given(
    st.text("{}%|()[]'\"~*+-_. \nabfirst", max_size=60)
    | st.lists(
        st.sampled_from(
            sorted(
                [
                    "{{",
                    "}}",
                    "{%",
                    "%}",
                    "for",
                    "a",
                    "in",
                    "alerts",
                    "if",
                    "endif",
                    "endfor",
                    "incident",
                    ".",
                    "labels",
                    "|",
                    "join",
                    "*",
                    "'x'",
                    "9",
                    "~",
                    "set",
                    "=",
                    "(",
                    ")",
                    "items",
                    "loop",
                    "not",
                    "is",
                    "defined",
                    "[",
                    "]",
                    "__class__",
                ]
            )
        ),
        max_size=14,
    ).map(" ".join)
)
def test_whatever_is_written_as_a_template_ends_in_text_or_a_failure(source: str) -> None:
    made = rendered(source, VALUES)
    assert isinstance(made, Failure) or len(made) <= MAX_TEXT


@pytest.mark.parametrize(
    "html",
    ['<a href="javascript:x">x</a>', '<a href="//evil.example">x</a>', "<script>x</script>", '<img src=x onerror="y">'],
)
def test_html_leads_to_the_web_only(html: str) -> None:
    made = formed(html, html=True)
    assert isinstance(made, Failure)
    assert made.why is Why.LINK


def test_example_in_the_documentation_is_accepted() -> None:
    page = (Path(__file__).parents[3] / "docs/webhook/channels.md").read_text()
    block = page.partition("### Words of your own")[2].partition("```yaml\n")[2].partition("```")[0]
    made = configured(block.partition("\n")[2].strip().replace("\n", "\n  "))
    assert made.channels["out"].template is not None
