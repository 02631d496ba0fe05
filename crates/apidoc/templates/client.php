<?php

// Client of the HTTP gateway of {company}. One file: PHP 7.4 or later, with ext-curl or with PHP's own streams.
//
// The gateway wrote it out of what it runs, version {version}: {url}/apidoc/vartai_client.php
//
//     require 'vartai_client.php';
//     $gateway = new Vartai\Client\Gateway('login', 'API key');
//     $order = $gateway->createOrder(['tarifid' => '10', 'vid' => 'vds', 'period' => '1', 'requestid' => 'invoice-2041']);
//     $servers = new Vartai\Client\Servers('nick', 'password');
//     $info = $servers->server_info(['id' => $order['orderid']]);
//
// Values are texts, as they come; `json.php` has null where there is none. Money is a decimal text: compute with bcmath,
// never with floats. A refusal is thrown as Refused, an answer that never came as NoAnswer; both are a Failure. What was
// accepted but is not done (30, 31) is returned, and Code::of($answer) tells what it means.
//
// Every writing call of Gateway has a requestid: yours, or one that is made. When no answer comes it is sent again with the
// same one, so that nothing is done twice. After a Failure, `$failure->requestid` is what to send again with, for 24 hours.

declare(strict_types=1);

namespace Vartai\Client;

/** What is thrown. */
abstract class Failure extends \RuntimeException
{
    /** The command that was called. */
    public string $command = '';
    /** What the same call must have to be sent again without being done twice; null where there is no such name. */
    public ?string $requestid = null;
}

/** No answer, or one that can't be read: what became of the call is not known. */
final class NoAnswer extends Failure
{
}

/** The call was refused; unless `charged` says otherwise, nothing was done. */
final class Refused extends Failure
{
    /** The code: `19`, or on json.php its name, such as `suspended`; `unknown` where this file is older than the gateway. */
    public string $id = 'unknown';
    /** The HTTP status. */
    public int $status = 0;
    /** What it means. */
    public Code $meaning;
}

/** A code, and what follows from it. */
final class Code
{
    public string $id;
    /** Whether nothing was done. */
    public bool $critical;
    /** no, unknown, yes, or later: when the invoice is paid. */
    public string $charged;
    /** useless: it is answered so again; later: after a pause; requestid: with the same one; no: it is accepted. */
    public string $again;
    /** Its text, in English. */
    public string $text;

    private function __construct(string $id, array $row)
    {
        [$this->critical, $this->charged, $this->again, $this->text] = $row;
        $this->id = $id;
    }

    /** What an answer says beside its fields (30, 31); null where it says nothing. */
    public static function of(array $answer): ?self
    {
        return isset($answer['errorCode']) ? self::gateway((string) $answer['errorCode']) : null;
    }

    /** A code of apih.php. */
    public static function gateway(string $id): self
    {
        return new self($id, Table::CODES[$id] ?? [true, 'unknown', 'useless', 'A code that this file does not know.']);
    }

    /** A refusal of json.php, by its status and text. */
    public static function servers(int $status, string $text): self
    {
        $text = explode(': ', $text)[0];
        foreach (Table::REFUSALS as $id => [$of, $texts, $row]) {
            if ($of === $status && in_array($text, $texts, true)) {
                return new self($id, $row);
            }
        }
        return new self('unknown', [true, 'unknown', 'useless', 'A refusal that this file does not know.']);
    }
}

/** What both surfaces have in common. */
abstract class Client
{
    protected string $url;
    private float $timeout;
    private array $pauses;
    private bool $curl;

    /**
     * Options: `url` of the surface; `timeout` of one attempt in seconds (15); `pauses` before the attempts after the first,
     * in seconds ([1, 3, 9]); `transport`, `curl` or `streams`.
     */
    public function __construct(string $url, array $options)
    {
        $unknown = array_diff_key($options, array_flip(['url', 'timeout', 'pauses', 'transport', 'password']));
        if ($unknown !== []) {
            throw new \InvalidArgumentException('no such option: ' . implode(', ', array_keys($unknown)));
        }
        $this->url = $options['url'] ?? $url;
        $this->timeout = (float) ($options['timeout'] ?? 15);
        $this->pauses = $options['pauses'] ?? [1, 3, 9];
        $this->curl = isset($options['transport']) ? $options['transport'] === 'curl' : extension_loaded('curl');
    }

    /** The fields that say who calls. */
    abstract protected function who(): array;

    /** An answer as it came, to what it says; throws. */
    abstract protected function read(string $command, int $status, string $body): array;

    /** Sends a call until it is answered, if it may be sent again. */
    protected function call(string $command, array $fields): array
    {
        $about = Table::COMMANDS[$command];
        $unknown = array_diff_key($fields, array_flip($about['fields']));
        if ($unknown !== []) {
            throw new \InvalidArgumentException($command . ' has no field ' . implode(', ', array_keys($unknown)));
        }
        $fields = array_map('strval', array_filter($fields, static fn ($value) => $value !== null));
        if ($about['repeat'] === 'requestid' && trim($fields['requestid'] ?? '') === '') {
            $fields['requestid'] = 'php-' . bin2hex(random_bytes(12));
        }
        $body = http_build_query(['command' => $command] + $this->who() + $fields, '', '&');
        for ($attempt = 0; ; $attempt++) {
            $wait = 0;
            try {
                [$status, $said, $wait] = $this->send($body);
                return $this->read($command, $status, $said);
            } catch (Failure $failure) {
                $failure->command = $command;
                $failure->requestid = $fields['requestid'] ?? null;
                if ($attempt >= count($this->pauses) || !self::again($about['repeat'], $failure)) {
                    throw $failure;
                }
            }
            usleep((int) (1e6 * max($this->pauses[$attempt], min($wait, 60))));
        }
    }

    /** Whether a call may be sent again at once, by itself. */
    private static function again(string $repeat, Failure $failure): bool
    {
        $safe = $repeat === 'always' || $repeat === 'requestid';
        if (!$failure instanceof Refused) {
            return $safe;
        }
        $meaning = $failure->meaning;
        return ($meaning->again === 'later' && ($safe || $meaning->charged === 'no'))
            || ($meaning->again === 'requestid' && $safe);
    }

    /** Sends one request: status, body, and how many seconds to wait before another. */
    private function send(string $body): array
    {
        return $this->curl ? $this->sendByCurl($body) : $this->sendByStreams($body);
    }

    private function sendByCurl(string $body): array
    {
        $wait = 0;
        $handle = curl_init($this->url);
        curl_setopt_array($handle, [
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => $body,
            CURLOPT_HTTPHEADER => ['Content-Type: application/x-www-form-urlencoded', 'Expect:'],
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_CONNECTTIMEOUT_MS => (int) (1000 * min($this->timeout, 5)),
            CURLOPT_TIMEOUT_MS => (int) (1000 * $this->timeout),
            CURLOPT_HEADERFUNCTION => static function ($handle, string $line) use (&$wait): int {
                if (stripos($line, 'Retry-After:') === 0) {
                    $wait = (int) trim(substr($line, 12));
                }
                return strlen($line);
            },
        ]);
        $said = curl_exec($handle);
        if (!is_string($said)) {
            throw new NoAnswer(curl_error($handle));
        }
        return [(int) curl_getinfo($handle, CURLINFO_RESPONSE_CODE), $said, $wait];
    }

    private function sendByStreams(string $body): array
    {
        $context = stream_context_create(['http' => [
            'method' => 'POST',
            'header' => "Content-Type: application/x-www-form-urlencoded\r\nConnection: close",
            'content' => $body,
            'timeout' => $this->timeout,
            'follow_location' => 0,
            'ignore_errors' => true,
        ]]);
        $stream = @fopen($this->url, 'rb', false, $context);
        if ($stream === false) {
            throw new NoAnswer(error_get_last()['message'] ?? 'no connection');
        }
        $said = stream_get_contents($stream);
        $about = stream_get_meta_data($stream);
        fclose($stream);
        [$status, $length, $wait] = [0, null, 0];
        foreach ($about['wrapper_data'] ?? [] as $line) {
            if (preg_match('~^HTTP/\S+ (\d+)~', $line, $found)) {
                [$status, $length, $wait] = [(int) $found[1], null, 0];
            } elseif (preg_match('~^Content-Length:\s*(\d+)~i', $line, $found)) {
                $length = (int) $found[1];
            } elseif (preg_match('~^Retry-After:\s*(\d+)~i', $line, $found)) {
                $wait = (int) $found[1];
            }
        }
        if ($said === false || $about['timed_out'] || $status === 0 || ($length !== null && strlen($said) !== $length)) {
            throw new NoAnswer('the answer broke off');
        }
        return [$status, $said, $wait];
    }

    protected static function refused(int $status, Code $meaning, string $text): Refused
    {
        $refused = new Refused($text, ctype_digit($meaning->id) ? (int) $meaning->id : 0);
        [$refused->id, $refused->status, $refused->meaning] = [$meaning->id, $status, $meaning];
        return $refused;
    }
}

/** apih.php: orders, tariffs and the balance of a reseller. */
final class Gateway extends Client
{
    private array $who;

    /** By an API key; by a password with the option `password` set to true. */
    public function __construct(string $login, string $secret, array $options = [])
    {
        parent::__construct({apih}, $options);
        $this->who = ['login' => $login, empty($options['password']) ? 'apikey' : 'pass' => $secret];
    }

    protected function who(): array
    {
        return $this->who;
    }

    protected function read(string $command, int $status, string $body): array
    {
        // No objects, whatever is sent: an answer is arrays and texts.
        $answer = @unserialize($body, ['allowed_classes' => false, 'max_depth' => 8]);
        $only = static function ($value) use (&$only): bool {
            return is_string($value) || (is_array($value) && count(array_filter($value, $only)) === count($value));
        };
        if (!is_array($answer) || !$only($answer) || !isset($answer['status'])) {
            throw new NoAnswer("HTTP $status, and no answer of the gateway's");
        }
        if ($answer['status'] === 'SUCCESS') {
            return $answer;
        }
        throw self::refused($status, Code::gateway($answer['errorCode'] ?? ''), $answer['errorMsg'] ?? '');
    }
{gateway}}

/** json.php: an account and its servers. */
final class Servers extends Client
{
    private array $who;

    /** By an API user of the account. */
    public function __construct(string $nick, string $password, array $options = [])
    {
        parent::__construct({json}, $options);
        $this->who = ['nick' => $nick, 'password' => $password];
    }

    protected function who(): array
    {
        return $this->who;
    }

    protected function read(string $command, int $status, string $body): array
    {
        $answer = json_decode($body, true, 16);
        if (!is_array($answer)) {
            throw new NoAnswer("HTTP $status, and no answer of the API's");
        }
        if ($status === 200) {
            return $answer;
        }
        $text = is_string($answer['error'] ?? null) ? $answer['error'] : '';
        throw self::refused($status, Code::servers($status, $text), $text);
    }
{servers}}

/** What the gateway declares of itself. */
final class Table
{
    public const COMMANDS = [
{commands}    ];

    public const CODES = [
{codes}    ];

    public const REFUSALS = [
{refusals}    ];
}
