using System.Runtime.InteropServices;
using Platter.Blocks;
using Platter.Primitives;
using Platter.Primitives.Codecs;

namespace Platter.Images.Compressed;

/// <summary>Unpacks single blocks of bzip2 files by the system's libbz2, which checks each block's CRC.</summary>
/// <remarks>Blocks start at any bit. The library is shown a stream that has only this block: a header, the block's bits moved to where
/// they belong, and an end mark with the CRC of a stream of one block, which is the block's.</remarks>
internal sealed unsafe partial class Bzip2Decoder : LibraryDecoder
{
    private const int Ok = 0, StreamEnd = 4, MemoryError = -3;      // bzlib.h
    private const int HeaderSize = 4;
    private const int TrailerBits = 48 + 32;

    internal const ulong BlockMagic = 0x314159265359, EndMagic = 0x177245385090;        // 48 bits each

    private readonly State* _state;
    private bool _started;

    [StructLayout(LayoutKind.Sequential)]
    private struct State            // bzlib.h's bz_stream
    {
        public byte* NextIn;
        public uint AvailableIn, TotalInLow, TotalInHigh;
        public byte* NextOut;
        public uint AvailableOut, TotalOutLow, TotalOutHigh;
        public nint Internal;
        public delegate* unmanaged[Cdecl]<void*, uint, uint, void*> Allocate;
        public delegate* unmanaged[Cdecl]<void*, void*, void> Free;
        public nint Opaque;
    }

    internal Bzip2Decoder(BlockDevice host) : base(host, "Bzip2Block")
    {
        SystemLibraries.Require(SystemLibraries.Bzip2);
        _state = (State*)Memory.Take((nuint)sizeof(State));
        _state->Allocate = &DecoderMemory.AllocateItems;
        _state->Free = &DecoderMemory.Free;
        _state->Opaque = Memory.Opaque;
    }

    internal override long SourcePosition => Piece.Source / 8 + Math.Max(0, InputPosition - HeaderSize);

    protected override long InputStart => 0;

    protected override long InputEnd => HeaderSize + (Piece.SourceEnd - Piece.Source + TrailerBits + 7) / 8;

    protected override void Start()
    {
        if (_started)
            _ = BZ2_bzDecompressEnd(_state);
        _started = BZ2_bzDecompressInit(_state, 0, 0) == Ok ? true : throw new IOException("libbz2 could not be started");
    }

    protected override bool Step(byte* from, int available, byte* to, int room, out int consumed, out int produced)
    {
        _state->NextIn = from;
        _state->AvailableIn = (uint)available;
        _state->NextOut = to;
        _state->AvailableOut = (uint)room;
        var result = BZ2_bzDecompress(_state);
        consumed = available - (int)_state->AvailableIn;
        produced = room - (int)_state->AvailableOut;
        return result switch
        {
            StreamEnd => true,
            Ok => false,
            MemoryError => throw new IOException("bzip2: not enough memory"),
            _ => throw Damaged($"libbz2 says {result}"),
        };
    }

    protected override int ReadInput(long offset, Span<byte> buffer)
    {
        var count = (int)Math.Min(buffer.Length, InputEnd - offset);
        for (var i = 0; i < count;)
        {
            if (offset + i < HeaderSize)
            {
                buffer[i] = "BZh9"u8[(int)(offset + i)];
                i++;
                continue;
            }
            var bit = (offset + i - HeaderSize) * 8;        // within the block
            var whole = (int)Math.Min(count - i, (Piece.SourceEnd - Piece.Source - bit) / 8);
            if (whole > 0)
            {
                ReadBits(Piece.Source + bit, buffer.Slice(i, whole));
                i += whole;
                continue;
            }
            buffer[i++] = MixedByte(bit);
        }
        return count;
    }

    // Whole bytes from any bit of the file on.
    private void ReadBits(long bit, Span<byte> bytes)
    {
        var shift = (int)(bit % 8);
        if (shift == 0)
        {
            Host.Read(bit / 8, bytes);
            return;
        }
        var raw = new byte[bytes.Length + 1];
        Host.Read(bit / 8, raw);
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)(raw[i] << shift | raw[i + 1] >> (8 - shift));
    }

    // A byte where the block ends and the end mark begins, bit by bit.
    private byte MixedByte(long bit)
    {
        var length = Piece.SourceEnd - Piece.Source;
        Span<byte> one = stackalloc byte[4];
        ReadBits(Piece.Source + 48, one);       // the block's CRC, behind its magic
        var crc = (uint)OnDisk.View<U32Be>(one);
        var value = 0;
        for (var i = bit; i < bit + 8; i++)
        {
            value <<= 1;
            if (i < length)
            {
                Host.Read((Piece.Source + i) / 8, one[..1]);
                value |= one[0] >> (int)(7 - (Piece.Source + i) % 8) & 1;
            }
            else if (i - length < 48)
            {
                value |= (int)(EndMagic >> (int)(47 - (i - length)) & 1);
            }
            else if (i - length < TrailerBits)
            {
                value |= (int)(crc >> (int)(TrailerBits - 1 - (i - length)) & 1);
            }
        }
        return (byte)value;
    }

    [LibraryImport(SystemLibraries.Bzip2)]
    private static partial int BZ2_bzDecompressInit(State* state, int verbosity, int small);

    [LibraryImport(SystemLibraries.Bzip2)]
    private static partial int BZ2_bzDecompress(State* state);

    [LibraryImport(SystemLibraries.Bzip2)]
    private static partial int BZ2_bzDecompressEnd(State* state);
}
