/** The shop of the demo: a dozen pieces of a small Brazilian label, the most wanted first. */

export interface DemoProduct {
  readonly sku: string;
  readonly name: string;
  readonly nome: string;
  readonly units: number;
}

export const CATALOGUE: readonly DemoProduct[] = [
  { sku: 'JAQ-JEANS-M', name: 'Denim jacket, M', nome: 'Jaqueta jeans M', units: 12 },
  { sku: 'TEN-RETRO-38', name: 'Retro sneakers, 38', nome: 'Tênis retrô 38', units: 20 },
  { sku: 'TEN-RETRO-41', name: 'Retro sneakers, 41', nome: 'Tênis retrô 41', units: 25 },
  { sku: 'MOL-CANGURU-G', name: 'Hoodie, L', nome: 'Moletom canguru G', units: 30 },
  { sku: 'VES-FLORAL-P', name: 'Floral dress, S', nome: 'Vestido floral P', units: 18 },
  { sku: 'CAM-LISTRA-M', name: 'Striped shirt, M', nome: 'Camisa listrada M', units: 40 },
  { sku: 'CAL-CARGO-42', name: 'Cargo trousers, 42', nome: 'Calça cargo 42', units: 35 },
  { sku: 'CMT-BASICA-M', name: 'Plain T-shirt, M', nome: 'Camiseta básica M', units: 80 },
  { sku: 'CMT-BASICA-G', name: 'Plain T-shirt, L', nome: 'Camiseta básica G', units: 80 },
  { sku: 'BON-ABA-RETA', name: 'Snapback cap', nome: 'Boné aba reta', units: 60 },
  { sku: 'BOL-LONA', name: 'Canvas bag', nome: 'Bolsa de lona', units: 1 },
  { sku: 'MEI-KIT-3', name: 'Socks, pack of 3', nome: 'Kit 3 meias', units: 100 },
];
