<?php
require 'vartai_client.php';
$gateway = new Vartai\Client\Gateway('test', 'test', ['password' => true]);
foreach ($gateway->getTarifs(['vid' => 'vds'])['tarifs'] as $tarif) {
    echo $tarif['name'], ' ', $tarif['costMonthly'], ' ', $tarif['currency'], "\n";
}
try {
    $gateway->renewOrder(['orderid' => 999999999, 'period' => 1]);
} catch (Vartai\Client\Refused $refused) {
    echo $refused->id, ': charged ', $refused->meaning->charged, "\n";
}
