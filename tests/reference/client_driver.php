<?php

// Calls what it is told on its input, a line of JSON a call, and tells on its output what became of it.
// Arguments: the client, the addresses of both surfaces, login, key, nick, password, options as JSON.

[, $file, $apih, $json, $login, $key, $nick, $password, $options] = $argv;
error_reporting(E_ALL);
set_error_handler(static function (int $level, string $text, string $where, int $line): bool {
    if (error_reporting() & $level) {
        throw new ErrorException($text, 0, $level, $where, $line);
    }
    return true;
});
require $file;
$options = json_decode($options, true);
$clients = [
    'apih' => new Vartai\Client\Gateway($login, $key, ['url' => $apih] + $options),
    'json' => new Vartai\Client\Servers($nick, $password, ['url' => $json] + $options),
];
while (($line = fgets(STDIN)) !== false) {
    $ask = json_decode($line, true);
    try {
        $answer = $clients[$ask['surface']]->{$ask['command']}($ask['fields']);
        $notice = Vartai\Client\Code::of($answer);
        $said = ['answer' => $answer, 'notice' => $notice];
    } catch (Vartai\Client\Refused $refused) {
        $said = [
            'refused' => $refused->meaning,
            'status' => $refused->status,
            'text' => $refused->getMessage(),
            'requestid' => $refused->requestid,
        ];
    } catch (Vartai\Client\NoAnswer $none) {
        $said = ['none' => $none->getMessage(), 'requestid' => $none->requestid];
    } catch (InvalidArgumentException $wrong) {
        $said = ['wrong' => $wrong->getMessage()];
    }
    echo json_encode($said, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE), "\n";
}
