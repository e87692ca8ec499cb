"""The manual beside pages that have none in their own file: what a page is for, and what is not seen on it.

Paragraphs are parted by empty lines; the first line of each is its title (`macros/help.html`).
"""

from web.language import Language

TEXTS: dict[str, dict[Language, str]] = {
    "help.accounts": {
        "ja": "追加\n［アカウントを追加］で 1 件ずつ、［CSV で一括登録・出力］でまとめて追加できます。追"
        "加するとすぐにメールを使えます。パスワードと設定を記した通知書を印刷して、ご本人にお渡しく"
        "ださい。\n\n"
        "探す・まとめて操作\nアドレスや備考で検索し、状態で絞り込めます。列の見出しを押すと並べ替え"
        "ます。左端のチェックを付けたアカウントには、容量の変更や停止などをまとめて実行できます。"
        "\n\n状態\n「停止中」はログインも送受信もできません。「受信オフ」は受信だけを止めています。"
        "「ロック中」はパスワードの誤りが続いたためで、［ロックを解除］を押すか、しばらく待つとログ"
        "インできます。「送信保留中」は受信はでき、送信だけが止まっています。\n\n"
        "容量\nアカウントの容量の合計は契約容量を超えられません。超える場合は、不足する容量を表示し"
        "てお断りします。",
        "en": "New accounts\nOne by one with “Add an account”, many at once with “CSV in and out”. Mail"
        " works at once. The sheet with password and settings is there to be printed and handed over"
        ".\n\n"
        "Finding, and changing many\nSearch by address or comment, or choose a state; a column’s"
        " heading sorts by it. What is ticked at the left is changed together: limits, suspension,"
        " and more.\n\n"
        "States\nSuspended: no login and no mail. Not receiving: mail to it is refused, the rest"
        " works. Locked: wrong passwords were tried too often; “Unlock” ends that, and so does"
        " time. Sending held: it receives, and sends nothing.\n\n"
        "Limits\nTogether they may not pass the contract’s capacity. What would not fit is"
        " refused, with the numbers.",
    },
    "help.account": {
        "ja": "別名（エイリアス）\n別名宛てのメールも、このアカウントに届きます。\n\n"
        "送信に使えるアドレス\nご本人のアドレスと別名のほかに、差出人として使えるアドレスです（例："
        "info@）。\n\n"
        "停止と削除\n［利用を停止］はメールを残したまま、ログインと送受信を止めます。いつでも解除で"
        "きます。削除したアカウントは、保管期間内なら［削除済みアカウント］からメールごと元に戻せま"
        "す。",
        "en": "Aliases\nMail to an alias comes to this account, too.\n\n"
        "May also send as\nAddresses that its mail may be from, besides its own and its aliases,"
        " such as info@.\n\n"
        "Suspending and deleting\nSuspended, it neither logs in nor gets mail, and its mail stays;"
        " that can be ended at any time. A deleted account can be had back with its mail, as long"
        " as it stands under “Deleted accounts”.",
    },
    "help.deleted": {
        "ja": "元に戻す\nメールも設定も、削除したときのまま戻ります。契約容量が足りないときは戻せません。"
        "\n\n完全に削除\n保管期限を過ぎるか［今すぐ完全に削除］を押すと、メールは二度と戻せません。",
        "en": "Having it back\nMail and settings are as they were, if the contract has room for the"
        " account’s limit.\n\n"
        "Gone for good\nAfter the time that stands in its row, or by “Remove for good”, nobody can"
        " bring the mail back.",
    },
    "help.many": {
        "ja": "手順\nファイルを選ぶと、1 行ずつ確認した結果を先に表示します。その画面で実行を押すまで、何"
        "も変わりません。エラーが 1 行でもあれば、全体を取り込みません。\n\n"
        "Excel で作るとき\n［ファイルとして出力］した CSV を編集するのが簡単です。［CSV UTF-8］でも"
        "、従来の［CSV］（Shift_JIS）でも保存できます。ない列の設定は変わりません。",
        "en": "How it goes\nEach line of the file is checked first, and you are shown what would be"
        " done. Nothing changes until you say so there; with a mistake in one line, nothing is done"
        " at all.\n\n"
        "With Excel\nIt is easiest to take the file from here and edit that. “CSV UTF-8” is read"
        " as well as plain “CSV” of a Japanese Excel. What has no column stays as it is.",
    },
    "help.audit": {
        "ja": "記録されること\nこの画面と API で行った変更とログインを記録します。パスワードそのものは記"
        "録しません。この画面から記録を書き換えることはできません。",
        "en": "What is kept\nEvery change and every sign-in, here and by the API. Passwords never stand"
        " in it, and nobody can edit it here.",
    },
    "help.domains": {
        "ja": "ドメインを追加したら\n1. DNS 設定の画面に表示されるレコードを、そのドメインの DNS に登録し"
        "ます。\n2. アカウントを作成します。\n3. ドメイン設定で管理者を決めると、以後はお客様が管理"
        "できます。",
        "en": "After a domain was made\n1. Publish the records of its page “DNS records”.\n2. Make its"
        " accounts.\n3. Name an administrator under “Domain settings”, who looks after it from then"
        " on.",
    },
    "help.domain": {
        "ja": "管理者\n指定したアカウントの持ち主が、この画面でドメインを管理できます。アカウントだけ、メ"
        "ーリングリストだけ、閲覧だけに限ることもできます。\n\n"
        "存在しない宛先の受け取り先\n登録のないアドレス宛てのメールを、指定したアカウントに届けます"
        "。空欄なら受け取りません（おすすめ）。\n\n"
        "アーカイブとごみ箱\n受信トレイに長くあるメールをアーカイブフォルダーへ移し、ごみ箱に長くあるメ"
        "ールを削除します。空欄にすると行いません。",
        "en": "Administrators\nWho owns such an account looks after the domain here: as a whole, its"
        " accounts or its lists alone, or only to look.\n\n"
        "Mail to unknown addresses\nGoes to the account named here. Empty, it is refused, which is"
        " best.\n\n"
        "Archive and trash\nWhat has been in the inbox for long is moved to the archive; what has"
        " been in the trash for long is deleted. Empty means never.",
    },
    "help.dns": {
        "ja": "登録のしかた\nドメインを管理している会社の DNS 設定画面で、各レコードのホスト名・種別・値"
        "をそのまま登録します。緑は正しく登録済み、赤は未登録または修正が必要なレコードです。変更が"
        "反映されるまで数時間かかることがあります。\n\n"
        "DKIM の鍵\n［新しい鍵を作成］→ 表示されたレコードを登録 → 緑になったら署名に使用、の順で設"
        "定します。送信メールが迷惑メールと判定されにくくなります。",
        "en": "How to publish\nWherever the domain is registered: host, type and value, as they stand"
        " here. Green is there and right; red is missing or wrong. Changes may take hours to be seen"
        ".\n\n"
        "DKIM keys\nMake new keys, publish their records, and let them sign when those are green."
        " Others then believe that the domain’s mail is its own.",
    },
    "help.traces": {
        "ja": "調べ方\n件名の一部、差出人や宛先のアドレス、Message-ID のどれかと、期間で探します。件名を"
        "押すと、受け付けてから届くまでの経過をすべて表示します。\n\n"
        "結果の見方\n「配信済み」はメールボックスに入ったこと、「送信済み」は相手のサーバーが受け取"
        "ったことを示します。「再送待ち」は自動で送り直します。「不達」は差出人にエラーを返しました"
        "。「受信拒否」は受け取らなかったメールで、理由も表示します。",
        "en": "Finding a message\nBy a part of its subject, by an address of sender or recipient, or by"
        " Message-ID, and by day. Its subject leads to all that happened to it.\n\n"
        "What the words mean\nDelivered: it is in the mailbox. Sent: the other server has taken"
        " it. Will be tried again: by itself. Failed: its sender was told. Refused: it was not"
        " accepted, and why.",
    },
    "help.queue": {
        "ja": "操作\n［今すぐ再送］は次の送信時刻を待たずに送ります。［保留］は解除するまで送りません。［"
        "削除］したメールは戻せず、送信者にも通知されません。\n\n"
        "放っておくと\n間隔を空けながら自動で送り直し、期限を過ぎると送信者にエラーを返します。",
        "en": "What can be done\n“Try now” waits for no due time. “Hold” keeps it from being sent until"
        " it is released. What is deleted is gone, and its sender is told nothing.\n\n"
        "What happens by itself\nIt is tried again, less and less often; after the last attempt"
        " its sender gets a bounce.",
    },
    "help.server": {
        "ja": "見るところ\n「応答なし」のプロセスは自動で再起動されます。続く場合はサーバーのログをご確認"
        "ください。証明書の有効期限が近いときは、ここに表示します。",
        "en": "What to look at\nA process that does not answer is started again by itself; if it stays"
        " so, look into the server’s log. A certificate that ends soon is marked.",
    },
    "help.notices": {
        "ja": "どこに表示されるか\n開始から終了まで、対象の方のすべての画面の上部に表示されます。管理者に"
        "は、あわせてメールで通知できます。終了したお知らせは「過去のお知らせ」に残ります。",
        "en": "Where they are shown\nFrom beginning to end on top of every page of those whom they are"
        " for. Administrators can be mailed as well. What is over stays under “Past notices”.",
    },
    "help.tokens": {
        "ja": "使い方\nトークンを作成し、プログラムから「Authorization: Bearer トークン」を付けて API を"
        "呼び出します。必要な操作だけを許可し、有効期限を付けてください。漏れたおそれがあるときは、"
        "削除するとただちに使えなくなります。",
        "en": "How to use one\nA program sends it as “Authorization: Bearer …”. Let it do what it needs"
        " and no more, and let it expire. Deleted, it is worth nothing at once.",
    },
    "help.own": {
        "ja": "この画面でできること\nメールの使用量と、転送・自動返信などの現在の設定を確認できます。［変"
        "更］から設定を変えられます。\n\n"
        "最近のログイン\n心当たりのないログインがあるときは、すぐにパスワードを変更してください。",
        "en": "What is here\nHow full your mailbox is, and what is set for forwarding, replies and spam;"
        " “Change” leads there.\n\n"
        "Latest logins\nIs there one that was not you? Then change your password at once.",
    },
    "help.security": {
        "ja": "2 段階認証\nこの画面へのログインに、スマートフォンの認証アプリが示す 6 桁のコードも必要に"
        "します。パスワードが漏れても、他人はログインできません。\n\n"
        "アプリパスワード\nメールソフト専用のパスワードです。端末ごとに作成すると、紛失した端末の分"
        "だけを取り消せます。\n\n"
        "ログイン中の端末\n心当たりのない端末はログアウトさせ、パスワードを変更してください。",
        "en": "Two-factor sign-in\nSigning in here then also takes the six digits that an app on your"
        " phone shows, so a stolen password alone is worth nothing.\n\n"
        "App passwords\nFor mail programs alone: one for each device, so that a lost one can be"
        " shut out by itself.\n\n"
        "Where you are signed in\nSign out what you do not know, and change your password.",
    },
    "help.programs": {
        "ja": "うまくいかないとき\nユーザー名はメールアドレス全体です。暗号化とポート番号の組み合わせをご"
        "確認ください。パスワードはこの管理画面と同じもの、またはアプリパスワードです。\n\n"
        "IMAP と POP3\nIMAP はメールをサーバーに残し、パソコンとスマートフォンで同じ内容を見られま"
        "す。迷ったときは IMAP をお選びください。",
        "en": "If it does not work\nThe user name is the whole address; encryption and port belong"
        " together. The password is that of this panel, or an app password.\n\n"
        "IMAP or POP3\nIMAP leaves mail on the server, so computer and phone show the same. Take"
        " IMAP, if in doubt.",
    },
    "help.contact": {
        "ja": "お問い合わせの前に\n障害やメンテナンスは［お知らせ］で、届かないメールは［メールの追跡］（"
        "管理者の方）で確認できます。お問い合わせの際は、日時・差出人・宛先をお知らせください。",
        "en": "Before you ask\nIncidents and maintenance stand under “Notices”; administrators find lost"
        " mail under “Where is my mail”. Say when it was, from whom and to whom.",
    },
}
