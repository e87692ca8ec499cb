"""What the rooms below refuse, in Japanese.

`Refused` and the checks of values speak English sentences, the same for the command line, the YAML check and
the API. Here stands each with its Japanese, by the sentence itself with names for what varies; a sentence that
is not here is shown as it is. A test reads the sentences out of the source, so that none is forgotten.
"""

import re
from functools import cache

SENTENCES: dict[str, str] = {
    # accounts
    "there is no account {address}": "アカウント {address} はありません。",
    "{alias} is an alias of {address}": "{alias} は {address} の別名として登録済みです。",
    "{address} is an account already": "{address} はアカウントとして登録済みです。",
    "{address} is a mailing list": "{address} はメーリングリストとして登録済みです。",
    "{address} is a forward": "{address} は転送専用アドレスとして登録済みです。",
    "{alias} is the account's own name": "{alias} はアカウント自身の名前です。",
    "{address} {reason}: change that first": "{address} は{reason}。先にその設定を変更してください。",
    "is an administrator of {domain}": " {domain} の管理者です",
    "is the catch-all of {domain}": " {domain} の存在しない宛先の受け取り先です",
    "is an operator (kwcmaild.yaml)": "サーバーの運用者です",
    "{address} was not deleted within the last days": "{address} は保管期間内に削除されていません。",
    "there is mail of another account {address}: move it out of the way first": (
        "{address} には別のアカウントのメールが残っています。"
    ),
    "nobody suspends the own account": "自分自身のアカウントは停止できません。",
    "the file of {address} cannot be read as it is: see `kwcmaild check`": (
        "{address} の設定ファイルに問題があります。サーバーの管理者にお知らせください。"
    ),
    '"{value}" is not a number of GB': "容量は 1 以上の整数（GB）で入力してください（入力値：{value}）。",
    '"{value}" is not a number of messages': "メール件数は整数で入力してください（入力値：{value}）。",
    # passwords
    "the password is empty": "パスワードを入力してください。",
    "the password is longer than {most} octets": "パスワードが長すぎます（最大 {most} バイト）。",
    "the password has a control character (a tab or a line end) in it": (
        "パスワードにタブや改行は使えません。"
    ),
    "the password has fewer than {least} characters": "パスワードは {least} 文字以上にしてください。",
    "the password is too easy to guess: make it longer, or less like a word or a name": (
        "推測されやすいパスワードです。もっと長くするか、単語や名前を避けてください。"
    ),
    "one's own password is changed with the current one, under Password and security": (
        "自分のパスワードは「パスワードとセキュリティ」で、現在のパスワードを入力して変更してください。"
    ),
    "the current password is not right": "現在のパスワードが正しくありません。",
    "that is the password you have": "現在と同じパスワードです。",
    "the code is not right: look whether the clock of your telephone is": (
        "コードが正しくありません。スマートフォンの時刻が合っているかご確認ください。"
    ),
    "give the app password a name of at most 100 characters": "名前を 100 文字以内で入力してください。",
    "there is an app password {name} already": "「{name}」という名前のアプリパスワードが既にあります。",
    "an account has at most {most} app passwords": "アプリパスワードは {most} 個までです。",
    "there is no app password {name}": "アプリパスワード「{name}」はありません。",
    # contracts
    "{domain}: the limits of {accounts} accounts are {together} together, {over} more than the contract's capacity"
    " of {capacity}": (
        "{domain}：{accounts} アカウントの容量の合計が {together} となり、契約容量 {capacity} を {over} 超えます。"
    ),
    "{given} is less than {least}, the smallest capacity of a contract": (
        "{given} は契約容量の最小値 {least} を下回っています。"
    ),
    "{given} is more than {most}, the largest capacity of a contract": (
        "{given} は契約容量の最大値 {most} を超えています。"
    ),
    "{given} is not a multiple of {step}": "{given} は {step} 単位ではありません。",
    "{given} is less than {least}, the smallest limit of an account": (
        "{given} はアカウント容量の最小値 {least} を下回っています。"
    ),
    "{given} is more than {most}, the largest limit of an account": (
        "{given} はアカウント容量の最大値 {most} を超えています。"
    ),
    # domains
    "there is no domain {domain}": "ドメイン {domain} はありません。",
    "there is no domain {domain}: make it first (kwcmaild domain add {again})": (
        "ドメイン {domain} はありません。先にドメインを追加してください。"
    ),
    "the domain {domain} exists already": "ドメイン {domain} は登録済みです。",
    "a domain without accounts has none for catch_all: set it when there is one": (
        "存在しない宛先の受け取り先は、アカウントを追加してから設定してください。"
    ),
    "{operators} operates this server (kwcmaild.yaml): change that first": (
        "{operators} はこのサーバーの運用者です。先に設定を変更してください。"
    ),
    "{domain} still has {accounts} accounts and {lists} lists: delete them first, or ask for the domain with all of"
    " them": "{domain} にはまだ {accounts} 件のアカウントと {lists} 件のメーリングリストがあります。",
    "{domain} has no key {key}": "{domain} に鍵 {key} はありません。",
    "{domain} has no key {key}; it has: {there}": "{domain} に鍵 {key} はありません（登録済み：{there}）。",
    "{domain} has a key {key} already: give another --selector": "{domain} に鍵 {key} は登録済みです。",
    "{path}: neither an RSA nor an Ed25519 key": "{path}：RSA でも Ed25519 でもない鍵です。",
    "{path}: no key that can be read ({error})": "{path}：読み取れる鍵がありません。",
    # lists and forwards
    "there is no list {address}": "メーリングリスト {address} はありません。",
    "a list needs an owner, who gets its bounces and decides about its posts": (
        "メーリングリストには、エラーメールの受け取りと投稿の承認を行うリスト管理者が必要です。"
    ),
    "{domain} has {most} lists, which are the most in a domain": (
        "{domain} のメーリングリストは上限の {most} 件に達しています。"
    ),
    "{row} cannot be a member as it is written": "{row} はメンバーとして登録できません。",
    "{address} is not a mail address": "{address} はメールアドレスではありません。",
    "{count} members with the owner; {most} are the most": (
        "メンバー数が {count} 人（リスト管理者を含む）となり、上限の {most} 人を超えます。"
    ),
    "{count} posters; {most} are the most": "投稿できるメンバーが {count} 人となり、上限の {most} 人を超えます。",
    "posters who are not members: {strangers}": "メンバーでない投稿者がいます：{strangers}",
    "holds a line end or another control character": "改行などの制御文字は使えません。",
    "knows {{name}} and {{number}} and no other {{…}}": "使えるのは {{name}} と {{number}} だけです。",
    "forwards.yaml of {domain} cannot be read: {problem}": (
        "{domain} の転送設定ファイルを読み取れません：{problem}"
    ),
    "{local} is given twice in forwards.yaml of {domain}: mend that by hand": (
        "{domain} の転送設定ファイルに {local} が 2 回あります。サーバーの管理者にお知らせください。"
    ),
    "{address} is no address that only forwards": "{address} は転送専用アドレスではありません。",
    "an address that only forwards needs at least one address to forward to": (
        "転送先を 1 つ以上入力してください。"
    ),
    "{address} would forward to itself": "{address} を自分自身に転送することはできません。",
    # POP fetch
    "this mailbox is not fetched any more": "このメールボックスの受信設定は削除されています。",
    "the password has between 1 and 1,000 characters": "パスワードは 1～1,000 文字で入力してください。",
    "a port is a number from 1 to 65535": "ポート番号は 1～65535 の数字で入力してください。",
    "the user name has between 1 and 255 characters": "ユーザー名は 1～255 文字で入力してください。",
    "an account may fetch from {most} mailboxes at most": "登録できる受信元は {most} 件までです。",
    "{login} at {server} is fetched already": "{server} の {login} は登録済みです。",
    "another server or user name needs its password": (
        "サーバーまたはユーザー名を変更するときは、パスワードも入力してください。"
    ),
    # values
    '"{value}" is not written in ASCII: an internationalised name has an xn--… form': (
        "「{value}」は半角英数字のドメイン名ではありません。"
    ),
    '"{value}" is not a domain name: a dot has nothing before or after it': (
        "「{value}」はドメイン名ではありません（ドットの前後が空です）。"
    ),
    '"{value}" is not a domain name: "{wrong}" may hold letters, digits, inner hyphens, at most 63': (
        "「{value}」はドメイン名ではありません（「{wrong}」には半角英数字とハイフンのみ、63 文字まで使えます）。"
    ),
    '"{value}" is not a domain name: it is longer than 253 characters': "「{value}」はドメイン名として長すぎます。",
    '"{value}" is not a full domain name such as example.jp': (
        "「{value}」は example.jp のような完全なドメイン名ではありません。"
    ),
    '"{value}": internationalised domain names (Japanese script, or xn--…) are not offered for mail addresses'
    " here": ("「{value}」：日本語ドメイン名は、このサービスのメールアドレスには使えません。"),
    '"{value}": write only the part before the @': "「{value}」：@ より前の部分だけを入力してください。",
    '"{value}" cannot stand before the @ of an address here: letters, digits, _ and -, with single dots between'
    " them": (
        "「{value}」は @ より前の部分として使えません。半角英数字と「_」「-」、途中の「.」（連続不可）が使えます。"
    ),
    '"{value}" is longer than 64 characters (RFC 5321 §4.5.3.1.1)': "「{value}」は 64 文字を超えています。",
    '"{value}" is not a mail address such as taro@example.jp': (
        "「{value}」は taro@example.jp のようなメールアドレスではありません。"
    ),
    '"{value}" is not a mail address{hint}': "「{value}」はメールアドレスではありません。",
    '"{value}": what stands before the @ is longer than 64 octets (RFC 5321 §4.5.3.1.1)': (
        "「{value}」：@ より前の部分が 64 文字を超えています。"
    ),
    '"{value}" is not a full address such as taro@example.jp': (
        "「{value}」は taro@example.jp のような完全なメールアドレスではありません。"
    ),
    '"{value}" is not the address of a page, such as https://support.example.jp/': (
        "「{value}」は https://support.example.jp/ のようなページのアドレスではありません。"
    ),
    "until ({until}) is before from ({start})": "終了日（{until}）が開始日（{start}）より前です。",
    '"{value}" is not a size: write a whole number and K, M, G or T, such as 100M or 5G': (
        "「{value}」は容量として読み取れません。100M や 5G のように入力してください。"
    ),
    '"{value}" is not a length of time: write a whole number and s, m, h or d, such as 30s, 5m, 2h or 31d': (
        "「{value}」は期間として読み取れません。30s、5m、2h、31d のように入力してください。"
    ),
    # single pages
    "the name that was typed is not {name}": "入力された名前が {name} と一致しません。",
    "{value} is not a number": "「{value}」は数字ではありません。",
    "{address} is not an account of {domain}": "{address} は {domain} のアカウントではありません。",
    "this post waits no more": "この投稿は既に処理されています。",
    "{value} is not a size": "「{value}」は容量として読み取れません。",
    "there is no folder {name}": "フォルダー「{name}」はありません。",
    "mail of {address} is being deleted already": "{address} のメールは現在削除中です。",
    "this age cannot be chosen": "この期間は選択できません。",
    "this member is not in the list any more": "このメンバーは既に登録されていません。",
    "there is no notice {id}": "このお知らせは削除されています（{id}）。",
    "there is no such action": "この操作はありません。",
    "there is no message {id} in the queue": "送信キューにメール {id} はありません。",
    "there is no token {id}": "この API トークンは削除されています（{id}）。",
    "nothing is known of {trace}": "「{trace}」の記録はありません。",
    # accounts from files
    "{address} is not an address of {domain}": "{address} は {domain} のアドレスではありません。",
    "{address} stands in line {line} already": "{address} は {line} 行目にもあります。",
    "{address} may not be changed by you": "{address} を変更する権限がありません。",
    "a plan with mistakes is not carried out": "エラーのあるファイルは取り込めません。",
    "the file has more than {most} lines": "行数が多すぎます（最大 {most} 行）。",
    "the first line names no column as メールアドレス or address": (
        "1 行目の見出しに「メールアドレス」の列がありません。"
    ),
    "two columns are named {name}": "見出しが重複しています：{name}",
    "{address}: {problem}": "{address}：{problem}",
    # files that are uploaded
    "the file is neither UTF-8 nor CP932 (Shift_JIS): save it as CSV UTF-8": (
        "文字コードが UTF-8 でも Shift_JIS（CP932）でもありません。CSV UTF-8 形式で保存してください。"
    ),
    "the file is larger than {most} octets": "ファイルが大きすぎます（最大 {most} バイト）。",
    "line {line}: {problem}": "{line} 行目：{problem}",
    "and {count} more": "ほか {count} 件",
    "{address} is given a second time": "{address} が 2 回あります。",
    "{column}: {word} is neither yes nor no": "{column}：「{word}」は「はい」「いいえ」のどちらでもありません。",
    # files that were changed
    "{path} was changed meanwhile; nothing is written:\n{diff}": (
        "別の人が先に変更しました。何も保存されていません。画面を開き直して、もう一度操作してください。"
    ),
    "{path}: {problem}": "{path}：{problem}",
    # notices, tokens
    "a notice needs the time at which it begins": "開始日時を入力してください。",
    "{value} is no time such as 2026-11-23T09:00": "日時の形式が正しくありません（入力値：{value}）。",
    "a notice needs a title, in Japanese or in English": "タイトルを日本語または英語で入力してください。",
    "a title has at most {most} characters": "タイトルは {most} 文字以内で入力してください。",
    "a text has at most {most} characters": "本文は {most} 文字以内で入力してください。",
    "the end is not after the beginning": "終了日時は開始日時より後にしてください。",
    "a notice is one of {kinds}, for {audiences}": "お知らせの種類または公開範囲が正しくありません。",
    "there are {most} notices, which are the most: delete old ones first": (
        "お知らせは {most} 件までです。古いものを削除してください。"
    ),
    "a token needs a name of at most {most} printable characters": (
        "トークンの名前を {most} 文字以内で入力してください。"
    ),
    "a token cannot expire in the past": "有効期限には未来の日時を指定してください。",
    "a token needs at least one scope": "許可する操作を1つ以上選択してください。",
    "{address} has {most} tokens, which are the most: delete some first": (
        "{address} のトークンは上限の {most} 個に達しています。不要なものを削除してください。"
    ),
    # what is wrong with a record in DNS
    "there may be only one such record: delete the others": (
        "このレコードは1つだけ登録できます。余分なものを削除してください。"
    ),
    "no server is allowed to send: add mx": "送信を許可するサーバーがありません。mx を追加してください。",
    "it lets everybody send in the domain's name: end it with -all": (
        "誰でもこのドメインを名乗って送信できる設定です。末尾を -all にしてください。"
    ),
    "it does not say what holds for other servers: end it with -all": (
        "ほかのサーバーの扱いが指定されていません。末尾を -all にしてください。"
    ),
    "p= must be none, quarantine or reject": "p= には none、quarantine、reject のいずれかを指定してください。",
    "another key than the one that signs: change it to {line}": (
        "署名に使用している鍵と異なります。上の値に変更してください。"
    ),
    "the policy has changed, and its id has to: change it to {line}": (
        "ポリシーが変更されています。id を上の値に変更してください。"
    ),
    "change it to: {line_of_the_zone_file}": "上の値に変更してください。",
    "other hosts take the domain's mail too: are they meant to?": (
        "ほかのサーバーも受信先に登録されています。意図したものかご確認ください。"
    ),
}

_VALUE = re.compile(r"(?<!{){(\w+)}")
# What `kwcmaild check` says before a problem: the file and the line, which are nobody's business in a browser.
_PLACE = re.compile(r"(?m)^/\S+\.yaml:[0-9]+: (?:[\w.\[\]]+: )?")


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Longer sentences first, so that a part of one never stands for the whole."""
    patterns = []
    for english in sorted(SENTENCES, key=len, reverse=True):
        pieces = _VALUE.split(english)
        source = "".join(
            f"(?P<{piece}>.*?)" if number % 2 else re.escape(piece.replace("{{", "{").replace("}}", "}"))
            for number, piece in enumerate(pieces)
        )
        patterns.append((re.compile(source, re.DOTALL), SENTENCES[english]))
    return patterns


def plain(sentence: str) -> str:
    """The sentence without places in files."""
    return _PLACE.sub("", sentence)


# Columns of files, as their first line calls them.
_HEADINGS = {
    "keep_copy": "転送時に残す",
    "receive": "受信",
    "suspended": "停止",
    "tag_subject": "件名に[SPAM]",
    "to_junk": "迷惑メールフォルダー",
    "receives": "配信",
    "may_post": "投稿",
}


def translated(sentence: str) -> str:
    """The sentence in Japanese; each line by itself, and values that are sentences themselves as well."""
    if found := _translated(sentence):
        return found
    return "\n".join(_translated(line) or line for line in sentence.split("\n"))


def _translated(sentence: str) -> str | None:
    for pattern, japanese in _patterns():
        if match := pattern.fullmatch(sentence):
            values = {name: _translated(value) or value for name, value in match.groupdict().items()}
            if "column" in values:
                values["column"] = _HEADINGS.get(values["column"], values["column"])
            return japanese.format(**values)
    return None
