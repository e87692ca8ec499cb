"""A self-test of the builtin spam engine: does it learn what it is shown, and what do its rules do alone?

    python -m benchmarks.spam_selftest [--mails N] [--seed N]

The corpus is made up here, by chance, from the phrases below: so its numbers say that the engine works and compare
one version with the next. They are no accuracy: nobody's real mail is in it. Kinds of mail share words (a shop's
newsletter and a fraud both say "free" and "now"), some ham fails SPF as forwarded mail does, some spam is signed
well. The split is by time, as a user would teach: the first half is learned, the second half is judged; two kinds
of each come in the second half alone, so what was never shown is counted too.

Three ways are compared: the header alone by rules (the baseline), rules on the whole mail, and rules with Bayes.
"""

import argparse
import random
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from filters.mail import Mail
from filters.spam.builtin import Builtin
from filters.spam.reading import read
from filters.spam.tokens import tokens
from filters.verdict import AuthResult
from storage.message import Message
from storage.mime.header import end_of_header
from storage.state.bayes import SERVER, Bayes

REQUIRED = 5.0
LATE = ("survey", "travel", "parcel", "crypto")  # kinds that are never learned
COMMON = (
    "お世話になっております。|よろしくお願いいたします。|ご確認ください。|本日は|なお、|以上です。|詳細は次の通り|"
    "please see below|thank you|regards|as discussed|for your information|have a nice day|ありがとうございます。"
)
HAM = {
    "meeting": "会議の議事録を送ります|来週の打ち合わせ|会議室の予約|minutes of the meeting|"
    "agenda attached|資料を修正しました",
    "invoice": "請求書を添付します|お振込期限|見積書の件|invoice attached|payment terms|納品書|ご請求金額",
    "shop": "ご注文ありがとうございます|発送いたしました|送料無料|今すぐクーポン|"
    "order confirmation|free shipping now",
    "friend": "久しぶり、元気?|週末に飲みに行こう|写真を送るね|happy birthday|"
    "see you on sunday|子どもの運動会",
    "system": "build failed on main|disk usage 91%|バックアップが完了しました|ジョブが終了|"
    "cron report|deploy finished",
    "travel": "航空券のお控え|ご予約の確認|チェックインは15時|boarding pass|your itinerary|ホテルの領収書",
    "survey": "社内アンケート|研修のご案内|健康診断の日程|please fill in the form|年末調整の書類|勤怠の締め",
}
SPAM = {
    "prize": "ご当選おめでとうございます|今すぐ受け取り|現金100万円|you are a winner|"
    "claim your prize now|無料プレゼント",
    "phish": "アカウントが停止されました|本人確認のため|パスワードの有効期限|verify your account|"
    "unusual sign-in|緊急のお知らせ",
    "pills": "cheap pills online|no prescription|ED治療薬が激安|discount pharmacy|"
    "今すぐ注文|即日発送の精力剤",
    "dating": "会いたいです|今夜ひま?|女性会員が待っています|hot singles near you|"
    "無料登録で連絡先|ポイント全額無料",
    "loan": "即日融資|審査なしで現金|low rate loan approved|ブラックOK|refinance today|来店不要で振込",
    "parcel": "お荷物を持ち帰りました|再配達の手続き|customs fee required|"
    "your parcel is waiting|住所の確認ができません",
    "crypto": "ビットコインで月収百万|double your bitcoin|投資の極秘情報|guaranteed profit|"
    "必ず儲かる|wallet bonus",
}


@dataclass(frozen=True, slots=True)
class Sample:
    mail: Mail
    data: bytes
    spam: bool
    late: bool


def sample(rng: random.Random, spam: bool, second_half: bool) -> Sample:
    here, there = (SPAM, HAM) if spam else (HAM, SPAM)
    kinds = {kind: here[kind] for kind in sorted(here) if second_half or kind not in LATE}
    kind = rng.choice(list(kinds))
    phrases = kinds[kind].split("|")
    text = rng.choices(phrases, k=rng.randint(2, 5)) + rng.choices(COMMON.split("|"), k=rng.randint(3, 9))
    others = [word for each in there if second_half or each not in LATE for word in there[each].split("|")]
    text += rng.choices(others, k=rng.randint(0, 2))  # the other side's words
    rng.shuffle(text)
    message = EmailMessage(policy=SMTP)
    domain = f"{kind}{rng.randint(1, 40 if spam else 4)}.example"
    message["From"] = f"{kind} <info@{domain}>"
    message["Subject"] = rng.choice(phrases) if rng.random() < 0.9 else "FREE OFFER FOR EVERYBODY"
    message["Date"] = "Mon, 23 Nov 2026 10:00:00 +0900"
    if not (spam and rng.random() < 0.3):
        message["To"] = "taro@example.test"
    if rng.random() > (0.3 if spam else 0.03):
        message["Message-ID"] = f"<{rng.getrandbits(48):x}@{domain}>"
    host = f"192.0.2.{rng.randint(1, 250)}" if spam and rng.random() < 0.2 else f"www.{domain}"
    body = "\n".join(text) + f"\nhttp://{host}/{rng.getrandbits(20):x} \n"
    if rng.random() < (0.5 if spam else 0.2):
        message.set_content(f"<p>{body}</p>", subtype="html", cte="base64")
    else:
        message.set_content(body, cte="8bit" if rng.random() < 0.5 else "base64")
    data = bytes(message)
    results = authentication(rng, 0.45 if spam else 0.93)
    head = data[: end_of_header(data)]
    mail = Mail(f"info@{domain}", "198.51.100.7", "t", message=Message.of(data), head=head, results=results)
    return Sample(mail, data, spam, kind in LATE)


def authentication(rng: random.Random, good: float) -> tuple[AuthResult, ...]:
    if rng.random() < good:
        return tuple(AuthResult(method, "pass") for method in ("spf", "dkim", "dmarc"))
    spf, dmarc = rng.choice(("fail", "softfail", "none")), rng.choice(("fail", "none"))
    return AuthResult("spf", spf), AuthResult("dkim", "none"), AuthResult("dmarc", dmarc)


def judged(
    engine: Builtin, samples: list[Sample], *, header_only: bool = False
) -> Counter[tuple[bool, bool]]:
    """How many, by what they are and what they are called."""
    found: Counter[tuple[bool, bool]] = Counter()
    for each in samples:
        mail = replace(each.mail, message=Message.of(each.mail.head)) if header_only else each.mail
        found[each.spam, engine.score(mail, REQUIRED).spam] += 1
    return found


def row(name: str, found: Counter[tuple[bool, bool]]) -> str:
    return f"| {name} | {found[True, True]} | {found[True, False]} | {found[False, False]} | {found[False, True]} |"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--mails", type=int, default=2000)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    rng = random.Random(given.seed)
    samples = [sample(rng, number % 2 == 0, number >= given.mails // 2) for number in range(given.mails)]
    first, second = samples[: given.mails // 2], samples[given.mails // 2 :]
    known, late = [each for each in second if not each.late], [each for each in second if each.late]
    with tempfile.TemporaryDirectory(prefix="kwcmaild-selftest-") as folder:
        bayes = Bayes(Path(folder))
        untaught = Builtin(bayes)
        print(
            "| | spam found | spam missed | ham passed | ham called spam |\n| --- | --: | --: | --: | --: |"
        )
        print(row("header alone (baseline)", judged(untaught, second, header_only=True)))
        print(row("rules", judged(untaught, second)))
        for number, each in enumerate(first):
            bayes.learn(SERVER, str(number), tokens(read(each.data)), spam=each.spam)
        taught = Builtin(bayes)
        print(row("rules and Bayes, kinds that were learned", judged(taught, known)))
        print(row("rules and Bayes, kinds never seen", judged(taught, late)))
        print(
            f"{len(first)} learned, {len(second)} judged ({len(late)} of kinds never seen), seed {given.seed}"
        )


if __name__ == "__main__":
    main()
