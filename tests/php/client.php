<?php
// A reseller's script as they are written: PHP-serialized answers, read with unserialize() and no classes.
// usage: php client.php URL LOGIN APIKEY. Prints one line a step; exits 1 at the first that is not as it should be.

[, $url, $login, $apikey] = $argv;

function call(string $command, array $fields, string $method): array
{
    global $url, $login, $apikey;
    $query = http_build_query(['command' => $command, 'login' => $login, 'apikey' => $apikey] + $fields);
    $post = $method === 'POST';
    $context = stream_context_create(['http' => [
        'method' => $method,
        'header' => $post ? 'Content-Type: application/x-www-form-urlencoded' : '',
        'content' => $post ? $query : '',
        'timeout' => 10,
    ]]);
    $body = file_get_contents($post ? $url : "$url?$query", false, $context);
    $answer = unserialize($body, ['allowed_classes' => false]);
    if (!is_array($answer) || serialize($answer) !== $body) {
        fwrite(STDERR, "$command: not what PHP would have written: $body\n");
        exit(1);
    }
    return $answer;
}

function good(string $command, array $fields = [], string $method = 'POST'): array
{
    $answer = call($command, $fields, $method);
    if ($answer['status'] !== 'SUCCESS' || isset($answer['errorCode'])) {
        fwrite(STDERR, "$command: " . json_encode($answer, JSON_UNESCAPED_UNICODE) . "\n");
        exit(1);
    }
    echo "$command\n";
    return $answer;
}

function settle(string $orderid, string $status): void
{
    $deadline = microtime(true) + 20;
    while (good('getOrders', ['orderid' => $orderid], 'GET')['orders'][0]['status'] !== $status) {
        if (microtime(true) > $deadline) {
            fwrite(STDERR, "order $orderid did not come to status $status\n");
            exit(1);
        }
        usleep(50_000);
    }
}

function same($got, $wanted, string $what): void
{
    if ($got !== $wanted) {
        fwrite(STDERR, "$what: " . var_export($got, true) . ', wanted ' . var_export($wanted, true) . "\n");
        exit(1);
    }
}

$tarif = array_values(array_filter(good('getTarifs', ['vid' => 'vds'], 'GET')['tarifs'], fn ($t) => $t['id'] === '10'))[0];
same($tarif['months'][2]['discount'], '7.5', 'discount');
$before = good('getBalance')['balance'];
$order = good('createOrder', ['vid' => 'vds', 'tarifid' => '10', 'period' => '3', 'addons' => '20, 22', 'domain' => 'Пример.рф']);
same($order['cost'], '38.17', 'cost');
same($order['domain'], 'пример.рф', 'domain');
same(bcsub_($before, $order['cost']), $order['balance'], 'balance');
$id = $order['orderid'];
settle($id, '1');
$listed = good('getOrders', ['orderid' => $id])['orders'][0];
$renewed = good('renewOrder', ['orderid' => $id, 'period' => '1', 'expect_todate' => $listed['todate']]);
same($renewed['cost'], '11.40', 'cost of the renewal');
good('suspendOrder', ['orderid' => $id]);
settle($id, '2');
good('unSuspendOrder', ['orderid' => $id]);
settle($id, '1');
good('restartOrder', ['orderid' => $id]);
good('reinstallOrder', ['orderid' => $id]);
same(call('restartOrder', ['orderid' => '0'], 'GET')['errorCode'], '19', 'an order that is not there');
echo "done $id\n";

// Two decimals, without the bcmath extension.
function bcsub_(string $a, string $b): string
{
    $cents = fn (string $s): int => (int) str_replace('.', '', $s);
    $left = $cents($a) - $cents($b);
    return intdiv($left, 100) . '.' . str_pad((string) ($left % 100), 2, '0', STR_PAD_LEFT);
}
